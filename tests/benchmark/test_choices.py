"""The variants of the Digits table are what their names say, and they train."""

import json

import pytest
from benchmark.stand_in import make
from mmengine.config import Config
from support import cells_of, kda_config, train

from mmnystrom.benchmark import analysis, choices
from mmnystrom.benchmark.result import Result
from mmnystrom.core import KERNELS, LANDMARKS


def test_every_kernel_and_strategy_with_both_forms():
    names = [name.split() for name in choices.variants()]
    assert {kernel for landmarks, kernel, _ in names if landmarks == 'class_center'} == set(KERNELS)
    assert {landmarks for landmarks, kernel, _ in names if kernel == 'linear'} == set(LANDMARKS)
    for form in choices.FORMS:
        assert sum(name[2] == form for name in names) == len(KERNELS) + len(LANDMARKS) - 1


def test_configs_are_written(tmp_path):
    runs = choices.choices_plan(tmp_path, 3)
    assert len(runs) == 3 * (3 + len(choices.RELATIVES) + len(choices.variants()))
    assert 'teacher' in runs.methods
    for name, arguments in choices.variants().items():
        loss = Config.fromfile(runs.methods[name].config).model.distiller.distill_losses.loss_kda
        assert loss.loss_weight == 0.36
        assert {key: loss[key] for key in arguments} == arguments
        assert runs.methods[name].distilled
    for name in choices.RELATIVES:
        assert runs.methods[name].distilled and runs.methods[name].config.is_file()


@pytest.mark.parametrize('name', ['kmeans linear nystrom', 'classifier linear partial'])
def test_a_variant_trains(tmp_path, name):
    small = kda_config(tmp_path, epochs=2, log_level='INFO')
    cfg = choices.variant_config(choices.variants()[name])
    small.custom_hooks = [dict(type='LandmarkHook', warmup_epochs=0), cfg.custom_hooks[-1]]
    small.model.distiller = cfg.model.distiller
    _, curve = train(small)
    assert curve[-1]['distill.loss_kda'] > 0
    assert 'kernel/kda/transfer' in next(tmp_path.glob('*/vis_data/scalars.json')).read_text()


def test_a_choice_that_diverges_does_not_cost_the_table(tmp_path, configs, monkeypatch):
    runs = make(configs, behaviour={'KD first': 'fail'})
    results = {
        'student alone': Result(seeds=[0, 1], top1=[60.0, 62.0]),
        'PKT': Result(seeds=[1], top1=[61.0], transfer={'pre-FC': [0.5]}, cka={'pre-FC': [0.75]}),
    }
    monkeypatch.setattr(choices, 'choices_plan', lambda *_: runs.plan)
    monkeypatch.setattr(analysis, 'Scheduler', lambda *_: runs)
    monkeypatch.setattr(choices, 'evaluate', lambda *_: (results, None))
    text, failed = choices.choices_table(tmp_path, seeds=2)
    rows = {cells[0]: cells[3:] for cells in cells_of(text)}
    assert rows['student alone'][0] == '61.00 ± 1.41'
    assert rows['PKT'] == ['61.00 (1 of 2 seeds)', '-', '0.500', '0.750', '-']
    assert 'KD first, seed 0: the real error' in failed[0]
    found = json.loads((runs.plan.work_dir / 'results.json').read_text())
    assert found['rows']['PKT'] == dict(seeds=[1], top1=[61.0], linear_transfer=[0.5], cka=[0.75])
    assert {run: why.partition('; see ')[0] for run, why in found['failed'].items()} == {
        'KD first, seed 0': 'KD first, seed 0: the real error',
        'KD first, seed 1': 'KD first, seed 1: the real error',
        'KD, seed 0': 'KD, seed 0: needs KD first, seed 0, which failed',
        'KD, seed 1': 'KD, seed 1: needs KD first, seed 1, which failed',
    }
