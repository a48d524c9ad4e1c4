"""What the rows of a store depend on."""

from __future__ import annotations

import hashlib

import numpy as np
from torch import Tensor, nn

from .errors import ReplayError
from .record import bits
from .views import PLACE, SeededViews, ViewIndex, kept_random_state, seed_all

#: Images that are looked at before a run.
PROBES = 8


def store_key(runner, teacher: nn.Module, views: SeededViews, items: list[dict], dtype: str) -> dict:
    """The key of a store: teacher, data and numbers.

    The number of views is no part of it, and neither are the recorded layers, which lie apart in the
    folder of a key.

    Args:
        runner: The runner, its weights loaded.
        teacher: The teacher.
        views: The data.
        items: Its images that :func:`probes` gives.
        dtype: Of the store.

    Raises:
        ReplayError: If the runner was built of objects instead of a config.
    """
    cfg = runner.cfg
    model, loader = cfg.get('model'), cfg.get('train_dataloader')
    if not isinstance(model, dict) or not isinstance(loader, dict):
        raise ReplayError(
            'the runner was built of a model or a data loader and not of their configs, which say what a '
            'store depends on: give it the configs.'
        )
    return dict(
        teacher=model.get('teacher'),
        teacher_modules=hashlib.sha256(repr(teacher).encode()).hexdigest(),
        teacher_weights=digest(teacher.state_dict()),
        data_preprocessor=model.get('data_preprocessor') or cfg.get('data_preprocessor'),
        dataset=loader.get('dataset'),
        probes=digest([item['inputs'] for item in items]),
        dtype=dtype,
        seed=views.seed,
    )


def probes(views: SeededViews) -> list[dict]:
    """Some images of a data set, evenly spread, in their first view.

    Raises:
        ReplayError: If the pipeline does not give the same view again: it draws from a generator of
            its own.
    """
    spread = np.unique(np.linspace(0, len(views) - 1, PROBES).astype(int)).tolist()
    if len(spread) == 1:  # whether a record has one row an image shows with two
        spread *= 2
    indices = [ViewIndex.of(i, 0) for i in spread]
    found = []
    with kept_random_state():
        for seed in (1, 2):
            seed_all(seed, 0, 0)
            found.append([views[i] for i in indices])
    for item in found[0]:
        whole = isinstance(item, dict) and {'inputs', 'data_samples'} <= set(item)
        if not whole or not hasattr(item['data_samples'], PLACE):
            raise ReplayError(
                f'the data set {type(views.dataset).__name__} does not give dicts of inputs and '
                'data_samples, which would say what image it is: end its pipeline in '
                "dict(type='PackInputs')."
            )
    first, second = (digest([item['inputs'] for item in items]) for items in found)
    if first != second:
        raise ReplayError(
            'the pipeline of the training data draws from a generator that is neither of numpy, nor of '
            "Python's random, nor of torch, so that a view cannot be made again (albumentations does): "
            'use transforms that draw from these.'
        )
    return found[0]


def digest(thing: object) -> str:
    """Hash of tensors and arrays, in whatever lists and dicts they are."""
    found = hashlib.blake2b(digest_size=16)
    _update(found, thing)
    return found.hexdigest()


def _update(found, thing: object) -> None:
    if isinstance(thing, dict):
        for key, value in thing.items():
            found.update(str(key).encode())
            _update(found, value)
    elif isinstance(thing, (list, tuple)):
        for value in thing:
            _update(found, value)
    elif isinstance(thing, (Tensor, np.ndarray)):
        array = thing if isinstance(thing, np.ndarray) else bits(thing)
        found.update(f'{array.dtype}{array.shape}'.encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    else:
        found.update(repr(thing).encode())
