"""The variants of the Digits table are what their names say, and they train."""

import pytest
from mmengine.config import Config
from support import kda_config, train

from mmnystrom.benchmark import choices
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
