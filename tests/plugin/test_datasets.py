"""The digits, against scikit-learn's own arrays."""

import numpy as np
import pytest
from mmpretrain.registry import DATASETS
from sklearn.datasets import load_digits

from mmnystrom.plugin import Digits


def arrays(**kwargs):
    dataset = DATASETS.build(dict(type='mmpretrain.Digits', pipeline=[], **kwargs))
    items = [dataset[i] for i in range(len(dataset))]
    return np.stack([item['img'] for item in items]), np.array([item['gt_label'] for item in items])


def test_the_splits_share_no_image_and_leave_none_out():
    images, labels = (
        np.concatenate(pair) for pair in zip(arrays(split='train'), arrays(split='test'), strict=True)
    )
    digits = load_digits()
    assert images.shape == (1797, 8, 8, 3)
    assert images.dtype == np.uint8
    assert (images == images[..., :1]).all()
    ours = sorted((label, image[..., 0].tobytes()) for label, image in zip(labels, images, strict=True))
    theirs = np.rint(digits.images / 16 * 255).astype(np.uint8)
    assert ours == sorted(
        (label, image.tobytes()) for label, image in zip(digits.target, theirs, strict=True)
    )


def test_stratified():
    train, test = (np.bincount(arrays(split=split)[1]) for split in ('train', 'test'))
    assert np.abs(train - test).max() <= 1
    assert (train.sum(), test.sum()) == (896, 901)


def test_fewer_images_are_some_of_the_same():
    images, labels = arrays(split='train', samples_per_class=30)
    assert np.bincount(labels).tolist() == [30] * 10
    everything = {image.tobytes() for image in arrays(split='train')[0]}
    assert {image.tobytes() for image in images} <= everything
    assert len(np.unique(images, axis=0)) == 300


def test_classes_and_a_usual_pipeline():
    dataset = DATASETS.build(
        dict(
            type='mmpretrain.Digits',
            split='train',
            pipeline=[dict(type='mmpretrain.Resize', scale=32), dict(type='mmpretrain.PackInputs')],
        )
    )
    assert tuple('0123456789') == dataset.CLASSES
    assert dataset[0]['inputs'].shape == (3, 32, 32)
    assert not dataset.test_mode
    assert Digits('test').test_mode


@pytest.mark.parametrize(
    ('kwargs', 'words'),
    [
        (dict(split='val'), "split='val' is unknown"),
        (dict(split='train', samples_per_class=0), 'samples_per_class=0 must be'),
        (dict(split='train', samples_per_class=88), 'from 1 to 87'),
        (dict(split='test', samples_per_class=5), 'leave it out'),
    ],
)
def test_bad_arguments(kwargs, words):
    with pytest.raises(ValueError, match=words):
        Digits(**kwargs)
