"""A teacher of random weights, heads with too few classes or channels: what a run says of them."""

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from support import kda_config

from mmnystrom.bridge import config_checks

WORDS = 'The teacher has random weights'


def run(cfg, name):
    cfg.experiment_name = name
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def log_of(folder):
    (log,) = folder.glob('*/*.log')
    return log.read_text()


def test_training_is_looked_at():
    assert not config_checks.is_broken()


@pytest.mark.parametrize('how', ['none', 'checkpoint', 'init_cfg', 'load_from'])
def test_a_teacher_of_random_weights_is_said_in_the_log_file(how, tmp_path):
    first = run(kda_config(tmp_path / 'first', epochs=1), f'{tmp_path.name}-first')
    assert log_of(tmp_path / 'first').count(WORDS) == 1
    if how == 'none':
        return
    torch.save(first.model.teacher.state_dict(), tmp_path / 'teacher.pth')
    cfg = kda_config(tmp_path / 'second', epochs=1)
    pretrained = dict(type='Pretrained', checkpoint=str(tmp_path / 'teacher.pth'), prefix='backbone.')
    if how == 'checkpoint':
        cfg.model.teacher_ckpt = str(tmp_path / 'teacher.pth')
    elif how == 'init_cfg':
        cfg.model.teacher.backbone.init_cfg = pretrained
    else:
        cfg.load_from = str(tmp_path / 'first' / 'epoch_1.pth')
    run(cfg, f'{tmp_path.name}-second')
    assert WORDS not in log_of(tmp_path / 'second')
    MMLogger.get_current_instance()


@pytest.mark.parametrize('network', ['architecture', 'teacher'])
def test_a_head_with_fewer_classes_than_the_data(network, tmp_path):
    cfg = kda_config(tmp_path)
    cfg.model[network].head.num_classes = 9
    with pytest.raises(
        ValueError, match=rf'model\.{network}\.head\.num_classes=9, .* has 10 classes \(0, 1, 2'
    ):
        run(cfg, tmp_path.name)


def test_a_head_with_more_classes_is_fine(tmp_path):
    cfg = kda_config(tmp_path, epochs=1)
    cfg.model.teacher.head.num_classes = 11
    run(cfg, tmp_path.name)


@pytest.mark.parametrize(('network', 'got'), [('architecture', 32), ('teacher', 64)])
def test_a_head_for_other_channels_is_named(network, got, tmp_path):
    cfg = kda_config(tmp_path)
    cfg.model[network].head.in_channels = 17
    head = rf'{network}\.head'
    words = rf'{head}\.fc takes 17 channels and got {got}: set model\.{head}\.in_channels={got}'
    with pytest.raises(ValueError, match=words):
        run(cfg, tmp_path.name)


def test_other_errors_are_as_they_were(tmp_path):
    cfg = kda_config(tmp_path)
    runner = Runner.from_cfg(cfg)
    runner.train_loop.run = None
    runner.model.forward = None
    with pytest.raises(TypeError):
        runner.train()
