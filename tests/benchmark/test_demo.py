"""The parts of the demo that need no training run of minutes."""

import torch
from support import ROOT

from mmnystrom.benchmark import demo, figures
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
    results = {name: Result(top1=[90.0, 92.0], transfer=figure, cka=figure) for name in demo.SHOWN}
    lines = demo.table(results, dict.fromkeys(results, 1.05)).splitlines()
    assert len(lines) == 6
    assert len({len(line) for line in lines}) == 1
    assert '| teacher ' in lines[2] and lines[2].count(' - ') == 5
    assert '91.00 ± 1.41' in lines[3] and '0.500 ± 0.354' in lines[3] and '1.05' in lines[3]
    features = dict.fromkeys(results, torch.rand(20, 3))
    path = tmp_path / 'gram.png'
    figures.gram_matrices(path, features, torch.arange(20) % 10, dict.fromkeys(demo.SHOWN[1:], 0.5))
    assert path.stat().st_size > 10_000
