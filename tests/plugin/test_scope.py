"""Configs of users that inherit from this project's."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner

from mmnystrom.plugin import Digits, LandmarkHook

PAIR = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'


@pytest.fixture
def cfg(tmp_path):
    text = f"_base_ = 'mmnystrom::distill/mmpretrain/kda/kda_neck_{PAIR}.py'\n"
    text += "model = dict(teacher_ckpt=None)\nwork_dir = 'w'\n"
    text += 'train_dataloader = dict(batch_size=7, sampler=_base_.train_dataloader.sampler)\n'
    (tmp_path / 'mine.py').write_text(text)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    cfg.merge_from_dict(dict(work_dir=str(tmp_path), log_level='ERROR'))
    cfg.experiment_name = tmp_path.name
    return cfg


def test_inherits_and_builds(cfg):
    """Data sets, loops and hooks are found under the scope that mmengine gives such a base."""
    assert cfg.model.distiller.distill_losses.loss_kda.landmarks.num_landmarks == 10
    assert cfg.train_dataloader.batch_size == 7
    runner = Runner.from_cfg(cfg)
    assert isinstance(runner.train_dataloader.dataset, Digits)
    assert any(isinstance(hook, LandmarkHook) for hook in runner.hooks)
    batch = next(iter(runner.val_dataloader))
    assert runner.model.val_step(batch)[0].pred_score.shape == torch.Size([10])
    assert type(runner.val_loop).__name__ == 'SingleTeacherDistillValLoop'


def test_the_scope_by_itself():
    with DefaultScope.overwrite_default_scope('mmnystrom'):
        dataset = DATASETS.build(dict(type='Digits', pipeline=[dict(type='PackInputs')]))
    assert isinstance(dataset, Digits)
    assert dataset[0]['inputs'].shape == (3, 8, 8)
