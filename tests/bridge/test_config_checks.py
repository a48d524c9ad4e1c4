"""A teacher of random weights, heads with too few classes or channels: what a run says of them."""

import pytest
import torch
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


@pytest.fixture(scope='module')
def first(tmp_path_factory):
    """A run whose teacher has random weights, and which leaves these and a checkpoint."""
    root = tmp_path_factory.mktemp('first')
    runner = run(kda_config(root, epochs=1), 'first')
    torch.save(runner.model.teacher.state_dict(), root / 'teacher.pth')
    return root


def test_a_teacher_of_random_weights_is_said_in_the_log_file(first):
    assert log_of(first).count(WORDS) == 1


@pytest.mark.parametrize('how', ['teacher_ckpt', 'init_cfg', 'load_from'])
def test_weights_by_any_other_way_are_no_random_ones(how, first, tmp_path):
    weights = str(first / 'teacher.pth')
    cfg = kda_config(tmp_path, epochs=1)
    cfg.train_dataloader.dataset.samples_per_class = 2
    if how == 'teacher_ckpt':
        cfg.model.teacher_ckpt = weights
    elif how == 'init_cfg':
        cfg.model.teacher.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=weights, prefix='backbone.'
        )
    else:
        cfg.load_from = str(first / 'epoch_1.pth')
    run(cfg, tmp_path.name)
    assert WORDS not in log_of(tmp_path)


@pytest.mark.parametrize('network', ['architecture', 'teacher'])
def test_a_head_with_fewer_classes_than_the_data(network, tmp_path):
    cfg = kda_config(tmp_path)
    cfg.model[network].head.num_classes = 9
    with pytest.raises(
        ValueError, match=rf'model\.{network}\.head\.num_classes=9, .* has 10 classes \(0, 1, 2'
    ):
        run(cfg, tmp_path.name)


def test_names_of_classes_without_images_are_fine(tmp_path):
    """ImageNet's names, say, for images of ten classes."""
    cfg = kda_config(tmp_path, epochs=1)
    names = tuple(f'class {i}' for i in range(1000))
    cfg.train_dataloader.dataset.metainfo = dict(classes=names)
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
