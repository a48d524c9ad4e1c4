"""A real data set that needs no download."""

from __future__ import annotations

import numpy as np
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS
from sklearn.datasets import load_digits


@DATASETS.register_module()
class Digits(BaseDataset):
    """Handwritten digits that scikit-learn carries: 1,797 images, 8 x 8, ten classes.

    RGB uint8 images (8, 8, 3), so that ordinary pipelines work. The split is fixed and stratified:
    of each class the first half, in file order, is for training and the rest for testing. The file is
    in the order of its writers, so that the test split is mostly of hands not seen in training. With
    ``samples_per_class`` the training split is thinned evenly to that many images a class.

    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.

    Args:
        split: ``'train'`` (896 images) or ``'test'`` (901 images).
        samples_per_class: Training images of each class. Defaults to None, all of them.
        metainfo: Meta information, beside the classes' names. Defaults to None.
        **kwargs: As for every data set of mmpretrain: ``pipeline``, ``test_mode``, ...

    Raises:
        ValueError: If the split is unknown, or ``samples_per_class`` is not between 1 and the 87 that
            every class has, or is given for the test split.
    """

    METAINFO = dict(classes=tuple(str(digit) for digit in range(10)))

    def __init__(
        self,
        split: str = 'train',
        samples_per_class: int | None = None,
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f"split={split!r} is unknown: write 'train' or 'test'.")
        if samples_per_class is not None:
            if split == 'test':
                raise ValueError(
                    f'samples_per_class={samples_per_class!r} thins the training split only: leave it '
                    "out for split='test'."
                )
            if not isinstance(samples_per_class, int) or not 1 <= samples_per_class <= 87:
                raise ValueError(
                    f'samples_per_class={samples_per_class!r} must be an integer from 1 to 87, which '
                    'every class has in the training split.'
                )
        self.split = split
        self.samples_per_class = samples_per_class
        kwargs.setdefault('test_mode', split == 'test')
        super().__init__(ann_file='', metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Images and labels of the split."""
        digits = load_digits()
        images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        images = np.repeat(images[..., None], 3, axis=-1)
        chosen = []
        for label in range(10):
            indices = np.flatnonzero(digits.target == label)
            half = len(indices) // 2
            indices = indices[:half] if self.split == 'train' else indices[half:]
            if self.samples_per_class is not None:
                even = np.linspace(0, len(indices) - 1, self.samples_per_class)
                indices = indices[np.rint(even).astype(int)]
            chosen.extend(indices.tolist())
        return [dict(img=images[i], gt_label=int(digits.target[i])) for i in sorted(chosen)]
