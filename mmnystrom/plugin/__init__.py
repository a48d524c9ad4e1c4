"""What OpenMMLab sees: importing this package registers everything in it."""

from .backbones import ShuffleNetV2_CIFAR
from .connectors import NormalizeConnector, PoolConnector, ProjectionConnector
from .datasets import CIFAR10Images, CIFAR100Images, Digits, TinyImageNet
from .hooks import LandmarkHook
from .losses import KDALoss
from .monitor import KernelMonitorHook
from .scope import register_scope
from .teacher_test import TeacherTestHook

register_scope()

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
