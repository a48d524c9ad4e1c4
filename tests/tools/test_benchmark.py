"""One small benchmark of real runs, as a user starts it."""

import json
import shutil

import numpy as np
import pytest
import torch
from benchmark.reports import TUNING
from mmengine.config import Config
from support import CONFIGS, kda_config, run_tool

from mmnystrom.benchmark import provenance
from mmnystrom.benchmark.plan import STUDENT
from mmnystrom.plugin.replay.key import digest


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
    (root / 'kda.py').write_text(text.replace('data_idx=1', 'data_idx=0'))
    (root / 'suite.py').write_text(
        "title = 'Small'\nteacher = 'teacher.py'\nstudent = 'student.py'\nseeds = 1\n"
        "methods = {'KD': 'kd.py', 'KDA pre-FC': 'kda.py'}\n"
    )
    return root


def run(root, *arguments):
    where = ('--work-dir', root / 'runs')
    return run_tool('benchmark.py', root / 'suite.py', *arguments, *where, check=False)


def test_a_failed_method_is_reported_and_tried_again(small):
    done = run(small, '--rounds', '2', '--replay', '2')
    assert done.returncode == 1, done.stderr[-3000:]
    assert 'KDA pre-FC, seed 0 FAILED' in done.stdout and 'are no probabilities' in done.stderr
    assert 'Runs failed, of 1 causes; the same command tries again' in done.stderr
    assert 'Not finished: KDA pre-FC (0 of 1 seeds).' in done.stdout
    result = json.loads((small / 'runs' / 'results.json').read_text())
    assert list(result['rows']) == ['student alone', 'KD']
    assert set(result['failed']) == {'KDA pre-FC, seed 0'}
    text = (small / 'kda.py').read_text()
    (small / 'kda.py').write_text(text.replace('data_idx=0', 'data_idx=1'))
    done = run(small, '--rounds', '2', '--replay', '2', '--against', 'KD', 'student alone')
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert done.stdout.count('not repeated') == 3
    result = json.loads((small / 'runs' / 'results.json').read_text())
    assert result['failed'] == {} and result['versions']['torch'] == torch.__version__
    (machine,) = result['run_machines']
    assert machine == f'{provenance.machine()}, torch {torch.__version__}'
    checkpoint = torch.load(small / 'runs' / 'teacher' / 'seed0' / 'epoch_2.pth', weights_only=False)
    assert result['teacher_weights'] == {'0': digest(checkpoint['state_dict'])}
    row = result['rows']['KDA pre-FC']
    assert len(row['top1']) == 1 and row['best'] >= row['top1']
    assert row['time'] > 0 and row['memory'] > result['rows']['student alone']['memory'] == 1
    assert row['extra_parameters'] == 0
    # Methods share a store, in which their layers lie apart.
    assert row['time_replayed'] > 0 and row['replayed'] == dict(
        views=2, bytes=2 * 60 * (64 * 4 + 4), live=None
    )
    assert result['rows']['student alone']['replayed'] is None
    (store,) = (small / 'runs' / 'replay').iterdir()
    assert {path.name for path in store.iterdir() if path.is_dir()} == {'head.fc', 'neck.gap'}
    assert 0 < row['transfer']['pre-FC'][0] < 100
    expected = np.mean(np.subtract(row['top1'], result['rows']['KD']['top1']))
    assert row['vs KD']['mean'] == pytest.approx(expected)
    assert [cell.strip() for cell in done.stdout.split('| method ')[1].split('|')[3:5]] == [
        'vs KD',
        'vs student',
    ]
    assert all((small / 'runs' / f'{name}.png').is_file() for name in ('accuracy', 'transfer'))
    assert '| KDA pre-FC ' in (small / 'runs' / 'results.md').read_text()
    another_machine_brings_another_seed(small)
    shutil.rmtree(small / 'runs')


def another_machine_brings_another_seed(small):
    """A second seed in a work directory of its own, weights chosen elsewhere, joined with the first."""
    (small / 'chosen.json').write_text(json.dumps(dict(suite='Small', tuning=TUNING)))
    options = ('--first-seed', '1', '--methods', 'KD', '--rounds', '0', '--replay', '2')
    options += ('--tuned', small / 'chosen.json')
    benchmark = ('benchmark.py', small / 'suite.py', '--work-dir', small / 'other', *options)
    run_tool(*benchmark)
    files = [small / folder / 'results.json' for folder in ('other', 'runs')]
    printed = run_tool('analysis/join_reports.py', *files, '--out', small / 'joined').stdout
    other, first, joined = (
        json.loads(file.read_text()) for file in (*files, small / 'joined' / 'results.json')
    )
    row = joined['rows']['KD']
    assert row['seeds'] == [0, 1] and joined['rows']['KDA pre-FC']['seeds'] == [0]
    assert row['top1'] == first['rows']['KD']['top1'] + other['rows']['KD']['top1']
    assert [part['seeds'] for part in joined['parts']] == [[0], [1]]
    assert joined['rows']['KD tuned']['seeds'] == [1] and joined['tuning']['chosen']['KD'] == 10
    assert 'Trained otherwise' not in printed and '- seeds 1: ' in printed
    assert all((small / 'joined' / name).is_file() for name in ('accuracy.png', 'results.md'))
    assert not (small / 'other' / 'KD' / 'seed0').exists()
    tuned = dict(TUNING, chosen={**TUNING['chosen'], STUDENT: 0.1})
    (small / 'chosen.json').write_text(json.dumps(dict(suite='Small', tuning=tuned)))
    run_tool(*benchmark, '--tuned-only', '--rounds', '2')
    rows = json.loads(files[0].read_text())['rows']
    assert list(rows) == ['student alone tuned', 'KD tuned']
    assert rows['student alone tuned']['time'] == 1 < rows['KD tuned']['memory']
    printed = run_tool(*benchmark, '--tuned-only', '--rounds', '2', '--without-student').stdout
    report = json.loads(files[0].read_text())
    assert list(report['rows']) == ['KD tuned'] and 'time' not in report['rows']['KD tuned']
    assert report['rows']['KD tuned']['top1'] == rows['KD tuned']['top1']
    assert 'student alone' not in printed.split('| method ')[1].split('Tuned: ')[0]
    shutil.rmtree(small / 'other')
