"""The parts of the demo that need no training run of minutes."""

import json

import torch
from support import ROOT, kda_config, train

from mmnystrom.benchmark import demo, figures
from mmnystrom.benchmark.plan import Method, Plan
from mmnystrom.benchmark.result import LAYERS, Result


def test_every_method_names_a_config():
    for name, method in demo.demo_plan(ROOT, 1).methods.items():
        assert method.config.is_file(), name
    assert {*demo.SHOWN, demo.BASELINE} <= set(demo.METHODS)


def test_a_distillation_takes_the_teacher_of_its_seed(tmp_path):
    plan = demo.demo_plan(tmp_path, 3)
    folder = plan.teacher_run(2).folder.path
    folder.mkdir(parents=True)
    (folder / 'last_checkpoint').write_text('/some/where/epoch_30.pth')
    expected = ['randomness.seed=2', 'model.teacher_ckpt=/some/where/epoch_30.pth']
    assert plan.run('KD', 2).overrides == expected
    assert plan.run('student alone', 2).overrides == expected[:1]
    assert len(plan) == 21


def test_table_and_picture(tmp_path):
    figure = {layer: [0.25, 0.75] for layer in LAYERS}
    results = {
        name: Result(seeds=[0, 1], top1=[90.0, 92.0], transfer=figure, cka=figure) for name in demo.SHOWN
    }
    lines = demo.table(results, dict.fromkeys(results, 1.05), 2).splitlines()
    assert len(lines) == 6
    assert len({len(line) for line in lines}) == 1
    assert '| teacher ' in lines[2] and lines[2].count(' - ') == 5
    assert '91.00 ± 1.41' in lines[3] and '0.500 ± 0.354' in lines[3] and '1.05' in lines[3]
    features = dict.fromkeys(results, torch.rand(20, 3))
    path = tmp_path / 'gram.png'
    figures.gram_matrices(path, features, torch.arange(20) % 10, dict.fromkeys(demo.SHOWN[1:], 0.5))
    assert path.stat().st_size > 10_000


def test_a_row_says_what_it_lacks():
    diverged = Result(seeds=[0], top1=[90.0], diverged=[0], transfer={layer: [] for layer in LAYERS})
    line = demo.table({'KDA both': diverged}, {}, 3).splitlines()[-1]
    assert '90.00 (1 of 3 seeds)' in line and line.count(' -  ') == 5


def test_what_is_finished_is_reported(tmp_path):
    config = tmp_path / 'config.py'
    kda_config(tmp_path, epochs=1).dump(config)
    methods = {name: Method(config) for name in (demo.TEACHER, demo.STUDENT)}
    methods |= {name: Method(config, distilled=True) for name in (demo.BASELINE, demo.DEFAULT)}
    plan = Plan(tmp_path / 'work', methods, 1)
    lost, run = plan.run(demo.BASELINE, 0), plan.run(demo.DEFAULT, 0)
    failed = {lost: 'KD, seed 0: the real error\nthe end of its log'}
    picture = plan.work_dir / 'gram.png'
    picture.parent.mkdir()
    picture.write_text('of an earlier start')
    assert 'No picture' in demo.write_demo_report(plan, failed)
    assert not picture.exists()

    train(kda_config(run.folder.path, epochs=1, log_level='INFO'))
    run.folder.write_mark(dict(finished=True, fingerprint=run.fingerprint))
    text = demo.write_demo_report(plan, failed)
    assert f'Picture: {picture}' in text and picture.stat().st_size > 10_000
    (line,) = [line for line in text.splitlines() if line.startswith('| KDA correlated')]
    found = json.loads((plan.work_dir / 'results.json').read_text())
    assert found['failed'] == {'KD, seed 0': 'KD, seed 0: the real error'}
    assert list(found['rows']) == ['KDA correlated'] and found['seconds_per_iteration_vs_kd'] == {}
    assert f'{found["rows"]["KDA correlated"]["top1"][0]:.2f}' in line and line.endswith(
        '| -              |'
    )
    assert (plan.work_dir / 'results.md').read_text().rstrip() in text
