"""Break: with numpy >= 1.24 CRD's data set fails where classes have unequal numbers of images.

Where: ``mmrazor/datasets/crd_dataset_wrapper.py:115`` makes one array of lists of unequal length,
which numpy used to turn into an array of objects and now refuses.
Cure: where numpy refuses, the array of objects is made in so many words.
Can go: once mmrazor does.
"""

from __future__ import annotations

import functools

import numpy as np

NAME = 'CRDDataset with unequal classes'


def is_broken() -> bool:
    """Whether numpy refuses to make an array of lists of unequal length."""
    try:
        np.asarray([np.zeros(1), np.zeros(2)])
    except ValueError:
        return True
    return False


def apply() -> None:
    """Wrap the method that makes the arrays."""
    from mmrazor.datasets.crd_dataset_wrapper import CRDDataset

    original = CRDDataset._parse_fullset_contrast_info

    @functools.wraps(original)
    def parse(self) -> None:
        try:
            original(self)
        except ValueError:
            # Making one array of each list is the method's last act: both are complete by then.
            rows = [*getattr(self, 'cls_positive', ()), *getattr(self, 'cls_negative', ())]
            if not rows or not all(isinstance(row, np.ndarray) for row in rows):
                raise
            self.cls_positive = _object_array(self.cls_positive)
            self.cls_negative = _object_array(self.cls_negative)

    CRDDataset._parse_fullset_contrast_info = parse


def _object_array(rows: list) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array
