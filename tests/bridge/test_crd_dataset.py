"""CRD's data set where classes have unequal numbers of images."""

import numpy as np
from mmengine.registry import DATASETS
from mmrazor.utils import register_all_modules


def crd(**kwargs):
    register_all_modules(False)
    return DATASETS.build(
        dict(
            type='mmrazor.CRDDataset',
            dataset=dict(_scope_='mmpretrain', type='Digits', **kwargs),
            neg_num=5,
            percent=1.0,
        )
    )


def test_unequal_classes():
    dataset = crd()
    labels = np.array(dataset.gt_labels)
    assert len(set(np.bincount(labels))) > 1
    for label in range(10):
        assert dataset.cls_positive[label].tolist() == np.flatnonzero(labels == label).tolist()
        assert sorted(dataset.cls_negative[label]) == np.flatnonzero(labels != label).tolist()
    negatives = dataset.get_data_info(0)['contrast_sample_idxs'][1:]
    assert labels[0] not in labels[negatives]


def test_equal_classes_are_left_to_the_host():
    dataset = crd(samples_per_class=4)
    assert dataset.cls_positive.shape == (10, 4)
    assert dataset.cls_negative.shape == (10, 36)
