"""What OpenMMLab sees: importing this package registers everything in it."""

import mmnystrom.registry  # noqa: F401  (first: it turns the bridge on)

from .backbones import ShuffleNetV2_CIFAR
from .connectors import (
    NormalizeConnector,
    PoolConnector,
    ProjectionConnector,
    SoftmaxConnector,
    StandardizeConnector,
)
from .datasets import CIFAR10Images, CIFAR100Images, Digits, TinyImageNet
from .hooks import ChannelsLastHook, KernelMonitorHook, LandmarkHook, TeacherReplayHook, TeacherTestHook
from .losses import KDALoss
from .parts import StratifiedPart, WithoutImagesOf

__all__ = [
    'CIFAR100Images',
    'CIFAR10Images',
    'ChannelsLastHook',
    'Digits',
    'KDALoss',
    'KernelMonitorHook',
    'LandmarkHook',
    'NormalizeConnector',
    'PoolConnector',
    'ProjectionConnector',
    'ShuffleNetV2_CIFAR',
    'SoftmaxConnector',
    'StandardizeConnector',
    'StratifiedPart',
    'TeacherReplayHook',
    'TeacherTestHook',
    'TinyImageNet',
    'WithoutImagesOf',
]
