"""Landmark strategies and the state they keep."""

from __future__ import annotations

from ..checks import build_from_table
from .base import EVERY_ITERATION, Landmarks, Refresh
from .drawn import Farthest, KMeans, KMeansPlusPlus, Leverage, Random, leverage_scores
from .given import Classifier, FixedRows, fixed
from .reservoir import Reservoir
from .sums import ClassCenter, FixedSamples

LANDMARKS = {
    'class_center': ClassCenter,
    'kmeans': KMeans,
    'random': Random,
    'kmeans++': KMeansPlusPlus,
    'farthest': Farthest,
    'leverage': Leverage,
    'classifier': Classifier,
    'fixed': fixed,
}


def build_landmarks(spec: str | dict) -> Landmarks:
    """Build a landmark strategy.

    Args:
        spec: ``dict(type='class_center', num_landmarks=100)``; or its name, if it needs no more.

    Raises:
        TypeError: If the spec is neither, or an argument is missing or unknown to the strategy.
        ValueError: If there is no such strategy, or it refuses an argument.

    Example:
        >>> build_landmarks(dict(type='class_center', num_landmarks=10))
        ClassCenter(num_landmarks=10)
    """
    return build_from_table(LANDMARKS, 'landmarks', spec)


__all__ = [
    'EVERY_ITERATION',
    'LANDMARKS',
    'ClassCenter',
    'Classifier',
    'Farthest',
    'FixedRows',
    'FixedSamples',
    'KMeans',
    'KMeansPlusPlus',
    'Landmarks',
    'Leverage',
    'Random',
    'Refresh',
    'Reservoir',
    'build_landmarks',
    'leverage_scores',
]
