"""Suites, the table and the pictures; and one small benchmark of real runs."""

import json
import math
import shutil
import subprocess
import sys

import benchmark
import benchmark_pictures
import benchmark_report
import numpy as np
import pytest
import step_costs
import torch
import write_metafiles
from mmengine.config import Config
from runs import TEACHER
from scipy import stats
from support import CONFIGS, ROOT, kda_config

SUITES = sorted((CONFIGS / 'benchmark').glob('*.py'))


@pytest.mark.parametrize('file', SUITES, ids=lambda file: file.stem)
def test_every_suite_names_real_configs(file):
    args = benchmark.parse_args([file.stem, '--gpus', '0,1,2,3,4,5,6,7'])
    assert args.file == file
    cfg = Config.fromfile(file)
    runs = benchmark.build_runs(args, cfg)
    assert (TEACHER in runs.methods) == cfg.teacher.endswith('.py')
    for name, method in runs.methods.items():
        assert method.config.is_file()
        assert method.distilled == (name not in (TEACHER, benchmark.STUDENT))
        if method.first:
            assert 'pretrain' in runs.methods[method.first].config.stem
    expected = 19 + 1 + 2 + (TEACHER in runs.methods) - 2 * (file.stem == 'imagenet')
    assert len(runs.methods) == expected
    assert len(runs) == (expected - 1) * cfg.seeds + 1 if TEACHER in runs.methods else expected
    if file.stem == 'imagenet':
        assert runs.slots == ['0,1,2,3,4,5,6,7'] and runs.teacher.startswith('https://')
        assert '--auto-scale-lr' not in runs.arguments


def test_options_reach_the_runs(tmp_path):
    teacher = tmp_path / 'teacher.pth'
    teacher.touch()
    arguments = ['digits', '--teacher', str(teacher), '--seeds', '2', '--methods', 'KD', 'AB', '--amp']
    args = benchmark.parse_args([*arguments, '--gpus', '1', '--ranks', '1', '--cfg-options', 'a.b=1'])
    runs = benchmark.build_runs(args, Config.fromfile(args.file))
    assert list(runs.methods) == [benchmark.STUDENT, 'KD', 'AB first stage', 'AB']
    assert runs.options('KD', 1) == ['randomness.seed=1', f'model.teacher_ckpt={teacher}', 'a.b=1']
    assert len(runs) == 8 and runs.arguments == ['--amp'] and runs.slots == ['1', '1']


def test_bad_arguments(capsys):
    with pytest.raises(SystemExit):
        benchmark.parse_args(['nothing'])
    assert "suite='nothing' is neither" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        benchmark.parse_args(['digits', '--jobs', '0'])
    args = benchmark.parse_args(['digits', '--methods', 'NST'])
    with pytest.raises(SystemExit, match='NST is not in'):
        benchmark.build_runs(args, Config.fromfile(args.file))
    args = benchmark.parse_args(['digits', '--teacher', 'none.pth'])
    with pytest.raises(SystemExit, match='does not exist'):
        benchmark.build_runs(args, Config.fromfile(args.file))


def test_paired_differences_are_those_of_scipy():
    a, b = np.random.default_rng(0).normal(size=(2, 5))
    found = benchmark_report.paired(list(a), list(b))
    interval = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert found['mean'] == pytest.approx(np.mean(a - b))
    assert (found['low'], found['high']) == pytest.approx((interval.low, interval.high))
    assert benchmark_report.paired([2.0], [1.0]) == dict(mean=1.0)
    assert benchmark_report.difference(dict(mean=1.0)) == '+1.00'


def test_pairs_are_of_the_same_seed():
    row = dict(seeds=[0, 2], top1=[10.0, 12.0])
    other = dict(seeds=[1, 2], top1=[1.0, 2.0])
    assert benchmark_report.same_seeds(row, other) == ([12.0], [2.0])


def rows_of(names):
    rng = np.random.default_rng(0)
    return {
        name: dict(
            top1=list(rng.normal(80, 1, 3)),
            best=list(rng.normal(81, 1, 3)),
            seeds=[0, 1, 2],
            diverged=[],
            transfer={'pre-FC': list(rng.random(3)), 'post-FC': list(rng.random(3))},
        )
        for name in names
    }


def test_table_and_pictures(tmp_path):
    rows = rows_of(['student alone', 'KD', 'KDA pre-FC'])
    rows['KD'].update(time=1.5, memory=2.0, extra_parameters=1234)
    rows['RKD'] = dict(rows['KD'], diverged=[0], transfer={'pre-FC': [], 'post-FC': []})
    lines = benchmark_report.table(rows, 90.0).splitlines()
    assert len(lines) == 7 and len({len(line) for line in lines}) == 1
    assert '| 1.50 | 2.00   | 1,234 ' in lines[4]
    benchmark_pictures.accuracy(tmp_path / 'a.png', 'a title', rows, 90.0)
    benchmark_pictures.transfer(tmp_path / 'b.png', 'a title', rows)
    assert all((tmp_path / name).stat().st_size > 5000 for name in ('a.png', 'b.png'))


def test_nothing_to_report(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys, 'argv', ['benchmark.py', 'digits', '--report-only', '--work-dir', str(tmp_path)]
    )
    with pytest.raises(SystemExit, match='holds no finished run: start it without --report-only'):
        benchmark.main()


def test_what_is_not_a_number_is_wrong():
    logits = torch.tensor([[1.0, 0.0], [math.nan, 0.0], [0.0, 1.0]])
    labels = torch.tensor([0, 0, 0])
    assert benchmark_report.top1({'post-FC': logits}, labels) == pytest.approx(100 / 3)


def test_memory_is_what_the_step_allocates():
    class Stand:
        """A model of one parameter, whose step makes and drops two tensors."""

        def __init__(self):
            self.runner = self
            self.model = torch.nn.Linear(1000, 1, bias=False)
            self.optim_wrapper = self
            self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)

        def __call__(self):
            a = torch.zeros(1000, 1000)
            b = a + 1
            del a
            return b.sum().item()

    assert step_costs.peak_memory(Stand()) == pytest.approx(4000 + 8_000_000, abs=2000)


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    """A suite of a teacher, a student, KD and KDA, of tiny networks; KDA's config is broken at first."""
    root = tmp_path_factory.mktemp('benchmark')
    shrunk = kda_config(root, epochs=2, log_level='INFO')
    shrunk.pop('work_dir')
    shrunk.pop('custom_hooks')
    alone = Config(shrunk.to_dict())
    preprocessor = alone.model.pop('data_preprocessor')
    alone.merge_from_dict(dict(data_preprocessor=preprocessor, val_cfg=dict(_delete_=True)))
    for name, network in (('teacher', 'teacher'), ('student', 'architecture')):
        cfg = Config(alone.to_dict())
        cfg.model = shrunk.model[network]
        cfg.dump(root / f'{name}.py')
    kd = Config(shrunk.to_dict())
    stock = Config.fromfile(
        CONFIGS / 'distill/mmpretrain/kd/kd_logits_resnet18-w16_resnet18-w8_1xb32-40e_digits.py'
    )
    kd.model.distiller = stock.model.distiller
    kd.dump(root / 'kd.py')
    shrunk.custom_hooks = [dict(type='LandmarkHook', warmup_epochs=0)]
    shrunk.dump(root / 'kda.py')
    text = (root / 'kda.py').read_text()
    (root / 'kda.py').write_text(text.replace("type='KDALoss'", "type='NoSuchLoss'"))
    (root / 'suite.py').write_text(
        "title = 'Small'\nteacher = 'teacher.py'\nstudent = 'student.py'\nseeds = 2\n"
        "methods = {'KD': 'kd.py', 'KDA pre-FC': 'kda.py'}\n"
    )
    return root


def run(root, *arguments):
    command = [sys.executable, str(ROOT / 'tools' / 'benchmark.py'), str(root / 'suite.py'), *arguments]
    return subprocess.run(
        [*command, '--work-dir', str(root / 'runs')], capture_output=True, text=True, timeout=300
    )


def test_a_failed_method_is_reported_and_tried_again(small):
    done = run(small, '--rounds', '2')
    assert done.returncode == 1, done.stderr[-3000:]
    assert 'KDA pre-FC, seed 0 FAILED' in done.stdout and 'NoSuchLoss' in done.stderr
    assert '2 of 7 runs failed' in done.stderr
    assert 'Not finished: KDA pre-FC (0 of 2 seeds).' in done.stdout
    result = json.loads((small / 'runs' / 'results.json').read_text())
    assert list(result['rows']) == ['student alone', 'KD']
    assert set(result['failed']) == {'KDA pre-FC, seed 0', 'KDA pre-FC, seed 1'}
    text = (small / 'kda.py').read_text()
    (small / 'kda.py').write_text(text.replace('NoSuchLoss', 'KDALoss'))
    done = run(small, '--rounds', '2')
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert done.stdout.count('not repeated') == 5
    result = json.loads((small / 'runs' / 'results.json').read_text())
    assert result['failed'] == {} and result['versions']['torch'] == torch.__version__
    row = result['rows']['KDA pre-FC']
    assert len(row['top1']) == 2 and row['best'] >= row['top1']
    assert row['time'] > 0 and row['memory'] > result['rows']['student alone']['memory'] == 1
    assert row['extra_parameters'] == 0
    assert 0 < row['transfer']['pre-FC'][0] < 100
    expected = np.mean(np.subtract(row['top1'], result['rows']['KD']['top1']))
    assert row['vs KD']['mean'] == pytest.approx(expected)
    assert all((small / 'runs' / f'{name}.png').is_file() for name in ('accuracy', 'transfer'))
    assert '| KDA pre-FC ' in (small / 'runs' / 'results.md').read_text()
    shutil.rmtree(small / 'runs')


def test_metafiles_are_what_the_configs_and_results_say():
    """tools/write_metafiles.py writes them anew."""
    for path, text in write_metafiles.texts().items():
        assert path.read_text() == text, f'{path}: run python tools/write_metafiles.py'
