"""Epochs of a run and their length, for loops that count epochs or iterations."""

from __future__ import annotations

import math

from mmengine.dist import get_world_size
from mmengine.runner import EpochBasedTrainLoop


def by_epoch(runner) -> bool:
    """Whether the training loop counts epochs."""
    return isinstance(runner.train_loop, EpochBasedTrainLoop)


def epoch_length(runner) -> int:
    """Iterations of an epoch; under a loop that counts iterations, of one pass over the data."""
    loader = runner.train_dataloader
    if loader.batch_size is None or by_epoch(runner):
        return len(loader)
    # len(loader) would not do: an InfiniteSampler counts the images of all ranks.
    return math.ceil(len(loader.dataset) / (loader.batch_size * get_world_size()))


def epoch(runner) -> int:
    """The epoch of the next iteration, from 0."""
    return runner.epoch if by_epoch(runner) else runner.iter // epoch_length(runner)
