"""Fixed views of every image: whatever a pipeline draws at random is drawn the same again."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import random
from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_dist_info
from mmengine.structures import BaseDataElement
from torch.utils.data import DataLoader, Dataset

from ..batched import DRAWS

#: Where a data sample says which image it is, and which view.
PLACE = 'replayed_view'


class ViewIndex(int):
    """Position of an image in the data set, with the epoch for which it is drawn.

    The epoch goes with the index because that is what reaches a worker, one that lives on over epochs
    too.
    """

    epoch: int = 0

    @classmethod
    def of(cls, index: int, epoch: int) -> ViewIndex:
        """The index of an epoch."""
        found = cls(index)
        found.epoch = epoch
        return found


class SeededViews(Dataset):
    """A data set whose random transforms give ``views`` fixed views of every image.

    For image i in epoch e the generators of numpy, random and torch are seeded by (seed, i, e mod
    views), and put back afterwards. Crops and flips of a whole batch, of a data set that has them
    (:class:`~mmnystrom.plugin.CIFAR100Images`), have their numbers from a table of each view instead:
    seeding takes longer than they do. Each data sample says which image and view it is.

    Args:
        dataset: The data set.
        views: Views of an image.
        seed: Of the views. Defaults to 0.
    """

    def __init__(self, dataset: Dataset, views: int, seed: int = 0) -> None:
        self.dataset = dataset
        self.views = views
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str):
        if name.startswith('__') or name == 'dataset':  # while it is unpickled there is none
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __getitem__(self, index: int) -> dict:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[dict]:
        """A batch. The generators are put back once, as that takes longer than an image of some data."""
        places = [(int(index), getattr(index, 'epoch', 0) % self.views) for index in indices]
        with kept_random_state():
            items = self._at_once(places)
            if items is None:
                items = [self._by_itself(*place) for place in places]
        for item, place in zip(items, places, strict=True):
            samples = item.get('data_samples') if isinstance(item, dict) else None
            if isinstance(samples, BaseDataElement):
                samples.set_field(place, PLACE, field_type='metainfo')
        return items

    def _at_once(self, places: list[tuple[int, int]]) -> list[dict] | None:
        # Of its type: a wrapper that passes attributes on may count its images otherwise.
        if not hasattr(type(self.dataset), 'at_once'):
            return None
        images = len(self)
        draws = np.stack([view_draws(self.seed, view, images)[index] for index, view in places])
        indices = [index for index, _ in places]
        return self.dataset.at_once(indices, draws, lambda i: seed_all(self.seed, *places[i]))

    def _by_itself(self, index: int, view: int) -> dict:
        seed_all(self.seed, index, view)
        return self.dataset[index]


class ViewSampler:
    """A sampler whose indices know their epoch.

    The epoch is what :attr:`epoch` was set to. Where that is None it is the number of passes begun
    before this one and, for an InfiniteSampler, which has one pass only, the place in it.

    Args:
        sampler: A sampler of indices, or a batch sampler.
    """

    def __init__(self, sampler) -> None:
        self.sampler = sampler
        self.epoch: int | None = None
        self._passes = 0
        inner = getattr(sampler, 'sampler', sampler)
        self._infinite = inner if isinstance(inner, InfiniteSampler) else None
        if self._infinite is not None:
            # One generator serves all its passes, and a loader may have drawn from it already.
            self._infinite.indices = self._infinite._indices_of_rank()

    def __len__(self) -> int:
        return len(self.sampler)

    def __getattr__(self, name: str):
        if name.startswith('__') or name == 'sampler':
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def __iter__(self) -> Iterator:
        epoch = self._passes if self.epoch is None else self.epoch
        self._passes += 1
        drawn = 0
        for item in self.sampler:
            if isinstance(item, (list, tuple)):
                yield [
                    ViewIndex.of(index, epoch + self._pass_of(drawn + i)) for i, index in enumerate(item)
                ]
                drawn += len(item)
            else:
                yield ViewIndex.of(item, epoch + self._pass_of(drawn))
                drawn += 1

    def _pass_of(self, drawn: int) -> int:
        if self._infinite is None:
            return 0
        rank, world = get_dist_info()
        return (drawn * world + rank) // len(self._infinite)


def seeded_loader(loader: DataLoader, views: int, seed: int) -> DataLoader:
    """A data loader like another one, of fixed views.

    Args:
        loader: The loader.
        views: Views of an image.
        seed: Of the views.
    """
    same = ('num_workers', 'collate_fn', 'pin_memory', 'timeout', 'worker_init_fn', 'generator')
    kept = {name: getattr(loader, name) for name in (*same, 'persistent_workers')}
    if loader.num_workers:
        kept.update(
            multiprocessing_context=loader.multiprocessing_context, prefetch_factor=loader.prefetch_factor
        )
    if loader.batch_size is None:  # a batch sampler of the user's own
        kept['batch_sampler'] = ViewSampler(loader.batch_sampler)
    else:
        kept.update(
            batch_size=loader.batch_size, drop_last=loader.drop_last, sampler=ViewSampler(loader.sampler)
        )
    return DataLoader(SeededViews(loader.dataset, views, seed), **kept)


def view_sampler(loader: DataLoader) -> ViewSampler:
    """The sampler of a loader that :func:`seeded_loader` made."""
    return loader.sampler if isinstance(loader.sampler, ViewSampler) else loader.batch_sampler


def places(data_samples) -> np.ndarray | None:
    """Image and view of each data sample of a batch, shape (N, 2); None if they do not say."""
    found = [getattr(sample, PLACE, None) for sample in data_samples or ()]
    return np.array(found, np.int64) if found and None not in found else None


@functools.lru_cache(maxsize=4)
def view_draws(seed: int, view: int, images: int) -> np.ndarray:
    """The random numbers of a view of all images, shape (images, 3), in [0, 1)."""
    return np.random.default_rng((seed, view)).random((images, DRAWS))


def seed_all(seed: int, index: int, view: int) -> None:
    """Seed the generators of numpy, random and torch (on the CPU) for a view of an image."""
    text = b'%d,%d,%d' % (seed, index, view)
    number = int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), 'little')
    random.seed(number)
    np.random.seed(number)
    torch.default_generator.manual_seed(number)


@contextlib.contextmanager
def kept_random_state():
    """Put the generators of numpy, random and torch (on the CPU) back to where they were."""
    python, numpy = random.getstate(), np.random.get_state(legacy=False)
    torch_ = torch.default_generator.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.default_generator.set_state(torch_)
