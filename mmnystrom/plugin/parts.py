"""A stratified part of any data set, the rest of it, and a data set without the images of another."""

from __future__ import annotations

import hashlib

import numpy as np
from mmengine.logging import print_log
from mmpretrain.datasets import BaseDataset
from sklearn.model_selection import train_test_split

from mmnystrom.registry import DATASETS


@DATASETS.register_module()
def StratifiedPart(  # noqa: N802  (a type of the registry, as the data sets are)
    dataset: dict, held_out: bool, share: float = 0.1, seed: int = 0
) -> BaseDataset:
    """A data set with the images of one part only: to choose loss weights without the test split.

    Of every class the same share of images is held out. Both parts of the same ``share`` and ``seed``
    have no image in common, and together have all.

    Args:
        dataset: Config of a data set of mmpretrain's, pipeline included.
        held_out: Whether to take the part that is held out, or the rest.
        share: Of the images that is held out. Defaults to 0.1.
        seed: Of the draw. Defaults to 0.

    Returns:
        The data set itself, with fewer images.

    Raises:
        ValueError: If ``share`` is not between 0 and 1, or a class has a single image, or there are
            fewer images in a part than classes.
    """
    if not 0 < share < 1:
        raise ValueError(f'share={share!r} must be between 0 and 1: the share of images to hold out.')
    built = DATASETS.build(dict(dataset))
    built.full_init()
    labels = np.asarray(built.get_gt_labels())
    try:
        rest, held = train_test_split(
            np.arange(len(labels)), test_size=share, stratify=labels, random_state=seed
        )
    except ValueError as error:
        raise ValueError(
            f'share={share!r} of the {len(labels)} images of {type(built).__name__} cannot be held out: '
            f'{error}'
        ) from error
    built.get_subset_(sorted((held if held_out else rest).tolist()))
    return built


@DATASETS.register_module()
def WithoutImagesOf(dataset: dict, other: dict) -> BaseDataset:  # noqa: N802
    """A data set without the images that another one has: for a teacher that must not know them.

    Images are the same if their paths are or, where they are in memory, their pixels.

    Args:
        dataset: Config of a data set of mmpretrain's, pipeline included.
        other: Config of the other one.

    Returns:
        The data set itself, with fewer images.

    Raises:
        ValueError: If nothing is left.
    """
    built, excluded = DATASETS.build(dict(dataset)), DATASETS.build(dict(other))
    for images in (built, excluded):
        images.full_init()
    keys = {_key(excluded.get_data_info(i)) for i in range(len(excluded))}
    whole = len(built)
    kept = [i for i in range(whole) if _key(built.get_data_info(i)) not in keys]
    if not kept:
        raise ValueError(f'{type(built).__name__} has no image that the other data set does not have.')
    built.get_subset_(kept)
    print_log(f'{type(built).__name__}: {whole - len(kept)} of {whole} images are left out.', 'current')
    return built


def _key(info: dict) -> str | bytes:
    if 'img_path' in info:
        return info['img_path']
    return hashlib.blake2b(np.ascontiguousarray(info['img']).tobytes()).digest()
