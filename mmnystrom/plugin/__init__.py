"""What OpenMMLab sees: importing this package registers everything in it."""

from mmengine.config.utils import MODULE2PACKAGE

from .backbones import ShuffleNetV2_CIFAR
from .connectors import NormalizeConnector, PoolConnector, ProjectionConnector
from .datasets import CIFAR10Images, CIFAR100Images, Digits, TinyImageNet
from .hooks import LandmarkHook
from .losses import KDALoss
from .monitor import KernelMonitorHook
from .teacher_test import TeacherTestHook

# What lets a config inherit from ours: _base_ = 'mmnystrom::distill/...py'.
MODULE2PACKAGE.setdefault('mmnystrom', 'mmnystrom')

__all__ = [
    'CIFAR100Images',
    'CIFAR10Images',
    'Digits',
    'KDALoss',
    'KernelMonitorHook',
    'LandmarkHook',
    'NormalizeConnector',
    'PoolConnector',
    'ProjectionConnector',
    'ShuffleNetV2_CIFAR',
    'TeacherTestHook',
    'TinyImageNet',
]
