"""Random crop and flip of a whole batch, for small images that are held in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from mmpretrain.datasets.transforms import PackInputs, RandomCrop, RandomFlip

#: Random numbers that an image takes: row and column of its crop, and whether it is flipped.
DRAWS = 3


@dataclass
class CropAndFlip:
    """The random crop, after padding with 0, and flip that a pipeline begins with, for a batch at once.

    For images of 32 x 32 pixels the two transforms take most of the time of a pipeline, and nearly all of
    it is not the copying of pixels. Crops and flips have the same distribution as the pipeline's own, and
    are other draws.

    Args:
        crop: The crop; None if there is none.
        flip: The horizontal flip; None if there is none.
        rest: The transforms after them, done for each image.
    """

    crop: RandomCrop | None
    flip: RandomFlip | None
    rest: Sequence

    @classmethod
    def of(cls, transforms: Sequence) -> CropAndFlip | None:
        """What a pipeline begins with; None where that is something else."""
        rest = list(transforms)
        crop = rest.pop(0) if rest and _can_crop(rest[0]) else None
        flip = rest.pop(0) if rest and _can_flip(rest[0]) else None
        return cls(crop, flip, rest) if crop or flip else None

    def __call__(
        self,
        items: list[dict],
        draws: np.ndarray | None = None,
        before_rest: Callable[[int], None] | None = None,
    ) -> list[dict | None]:
        """Transform a batch.

        Args:
            items: For each image what the data set holds of it, ``img`` (H, W, C) among it, all of one
                size. They are changed.
            draws: The random numbers, shape (len(items), 3), in [0, 1). Defaults to None: numpy's global
                generator gives them.
            before_rest: Called with the place of each image before its other transforms, if these may
                draw at random. Defaults to None.

        Returns:
            For each image what the whole pipeline gives.
        """
        if draws is None:
            draws = np.random.random((len(items), DRAWS))
        if self.crop is not None:
            self._crop(items, draws[:, :2])
        if self.flip is not None:
            self._flip(items, draws[:, 2])
        if before_rest is None or all(type(transform) is PackInputs for transform in self.rest):
            return [self._rest_of(item) for item in items]
        found = []
        for place, item in enumerate(items):
            before_rest(place)
            found.append(self._rest_of(item))
        return found

    def _crop(self, items: list[dict], draws: np.ndarray) -> None:
        images = np.stack([item['img'] for item in items])
        pad = self.crop.padding
        if pad:
            images = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        # As the transform does, a side that is too short stays whole.
        height, width = (
            min(wanted, there)
            for wanted, there in zip(self.crop.crop_size, images.shape[1:3], strict=True)
        )
        room = np.array(images.shape[1:3]) - (height, width) + 1
        offsets = (draws * room).astype(int).tolist()
        for item, image, (y, x) in zip(items, images, offsets, strict=True):
            item['img'] = image[y : y + height, x : x + width]
            item['img_shape'] = item['img'].shape

    def _flip(self, items: list[dict], draws: np.ndarray) -> None:
        flips = (draws < self.flip.prob).tolist()
        for item, flipped in zip(items, flips, strict=True):
            if flipped:
                item['img'] = item['img'][:, ::-1]
            item['flip'] = flipped
            item['flip_direction'] = 'horizontal' if flipped else None

    def _rest_of(self, item: dict) -> dict | None:
        for transform in self.rest:
            item = transform(item)
            if item is None:
                return None
        return item


def _can_crop(transform) -> bool:
    # By type: a class of somebody's may do something else.
    return (
        type(transform) is RandomCrop
        and (transform.padding is None or isinstance(transform.padding, int))
        and not transform.pad_if_needed
        and transform.pad_val == 0  # any other number would be that of the first channel alone
    )


def _can_flip(transform) -> bool:
    return (
        type(transform) is RandomFlip
        and isinstance(transform.prob, float)
        and transform.direction == 'horizontal'
    )
