"""The doors that users come through beside our own tools."""

from pathlib import Path

import mmpretrain
import torch
from bare import python
from support import PAIR, ROOT, call_tool

INHERITS = f"""
_base_ = 'mmnystrom::distill/mmpretrain/kda/kda_neck_{PAIR}.py'
model = dict(teacher_ckpt=None)
train_cfg = dict(max_epochs=1)
"""
LAZY = """
from mmengine.config import read_base

with read_base():
    from .networks import student, teacher

from mmengine.dataset import DefaultSampler
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop
from mmpretrain.datasets import PackInputs
from mmpretrain.models import ClsDataPreprocessor
from mmrazor.models import ConfigurableDistiller, SingleTeacherDistill
from torch.optim import SGD

from mmnystrom.plugin import Digits, KDALoss, LandmarkHook

default_scope = 'mmrazor'
landmarks = dict(type='class_center', num_landmarks=10)
distiller = dict(
    type=ConfigurableDistiller,
    student_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap'),
        gt_label=dict(type='ModuleInputs', source='head.loss_module')),
    teacher_recorders=dict(feat=dict(type='ModuleOutputs', source='neck.gap')),
    distill_losses=dict(
        loss_kda=dict(type=KDALoss, preset='landmark_cka', landmarks=landmarks)),
    loss_forward_mappings=dict(
        loss_kda=dict(
            s_feature=dict(from_student=True, recorder='feat'),
            t_feature=dict(from_student=False, recorder='feat'),
            gt_label=dict(from_student=True, recorder='gt_label', data_idx=1))))
model = dict(
    type=SingleTeacherDistill,
    _scope_='mmrazor',
    data_preprocessor=dict(
        type=ClsDataPreprocessor, mean=[0.0] * 3, std=[16.0] * 3),
    architecture=student,
    teacher=teacher,
    distiller=distiller)
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=True),
    dataset=dict(
        type=Digits, split='train', samples_per_class=7, pipeline=[dict(type=PackInputs)]))
train_cfg = dict(type=EpochBasedTrainLoop, max_epochs=3)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.01))
custom_hooks = [dict(type=LandmarkHook, warmup_epochs=0)]
default_hooks = dict(logger=dict(type='LoggerHook', interval=1))
"""
NETWORK = """
{name} = dict(
    type=ImageClassifier,
    backbone=dict(
        type=ResNet_CIFAR, depth=18, stem_channels={width}, base_channels={width}, out_indices=(3, )),
    neck=dict(type=GlobalAveragePooling),
    head=dict(
        type=LinearClsHead, num_classes=10, in_channels=8 * {width},
        loss=dict(type=CrossEntropyLoss)))
"""
NETWORKS = """
from mmpretrain.models import (CrossEntropyLoss, GlobalAveragePooling, ImageClassifier,
                               LinearClsHead, ResNet_CIFAR)
""" + ''.join(NETWORK.format(name=name, width=width) for name, width in (('student', 4), ('teacher', 8)))


def test_mmpretrains_own_tool_through_the_bridge(tmp_path):
    (tmp_path / 'mine.py').write_text(INHERITS)
    tool = Path(mmpretrain.__file__).parent / '.mim/tools/train.py'
    result = python('-m', 'mmnystrom.bridge', tool, 'mine.py', cwd=tmp_path)
    assert 'Epoch(val) [1]' in result.stdout + result.stderr, result.stderr[-2000:]


def test_a_lazy_config(tmp_path):
    """Classes in the place of names, and ``read_base``."""
    (tmp_path / 'networks.py').write_text(NETWORKS)
    (tmp_path / 'mine.py').write_text(LAZY)
    call_tool('train.py', tmp_path / 'mine.py', '--work-dir', tmp_path / 'out')
    log = next((tmp_path / 'out').glob('*/*.log')).read_text()
    value = log.rpartition('distill.loss_kda: ')[2].split()[0]
    assert 'Epoch(train) [3]' in log and float(value) > 0


def test_the_loop_in_plain_torch(tmp_path):
    """No package of OpenMMLab is imported, and landmarks and student are in one file."""
    blocked = 'import sys; sys.modules.update(mmengine=None, mmcv=None, mmpretrain=None, mmrazor=None)\n'
    script = blocked + (ROOT / 'demo/plain_torch.py').read_text()
    result = python('-c', script, cwd=tmp_path)
    assert 'epoch 3: loss' in result.stdout, result.stderr[-2000:]
    assert 0 < float(result.stdout.rpartition('landmarks: ')[2]) < 1.9  # 2 is no correlation
    state = torch.load(tmp_path / 'student.pth')['kda']
    assert state['landmarks.student'].shape == state['landmarks.teacher'].shape == (10, 512)
