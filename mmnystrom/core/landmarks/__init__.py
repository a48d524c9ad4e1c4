"""Landmark strategies and the state they keep."""

from ..table import Table
from .base import Landmarks
from .class_center import ClassCenter, LabelError
from .classifier import Classifier
from .fixed import FixedRows, FixedSamples, fixed
from .kmeans import KMeans
from .pool import Reservoir
from .sampled import Farthest, KMeansPlusPlus, Leverage, Random, leverage_scores
from .schedule import Refresh, Selection, Use

LANDMARKS: Table[Landmarks] = Table(
    'landmarks',
    {
        'class_center': ClassCenter,
        'kmeans': KMeans,
        'random': Random,
        'kmeans++': KMeansPlusPlus,
        'farthest': Farthest,
        'leverage': Leverage,
        'classifier': Classifier,
        'fixed': fixed,
    },
    given=('use',),
)
build_landmarks = LANDMARKS.build

__all__ = [
    'LANDMARKS',
    'ClassCenter',
    'Classifier',
    'Farthest',
    'FixedRows',
    'FixedSamples',
    'KMeans',
    'KMeansPlusPlus',
    'LabelError',
    'Landmarks',
    'Leverage',
    'Random',
    'Refresh',
    'Reservoir',
    'Selection',
    'Use',
    'build_landmarks',
    'leverage_scores',
]
