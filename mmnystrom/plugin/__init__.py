"""What OpenMMLab sees: importing this package registers everything in it."""

from .connectors import NormalizeConnector, PoolConnector, ProjectionConnector
from .datasets import Digits
from .hooks import LandmarkHook
from .losses import KDALoss

__all__ = [
    'Digits',
    'KDALoss',
    'LandmarkHook',
    'NormalizeConnector',
    'PoolConnector',
    'ProjectionConnector',
]
