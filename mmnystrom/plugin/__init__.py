"""What OpenMMLab sees: importing this package registers everything in it."""

from .connectors import NormalizeConnector, PoolConnector, ProjectionConnector
from .datasets import Digits
from .hooks import LandmarkHook
from .losses import KDALoss
from .monitor import KernelMonitorHook

__all__ = [
    'Digits',
    'KDALoss',
    'KernelMonitorHook',
    'LandmarkHook',
    'NormalizeConnector',
    'PoolConnector',
    'ProjectionConnector',
]
