"""Crops and flips of a batch: every one is the pipeline's own for some draw, and all draws come."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmpretrain.datasets.transforms import RandomCrop
from mmpretrain.registry import TRANSFORMS

from mmnystrom.plugin.batched import CropAndFlip

CROP = dict(type='mmpretrain.RandomCrop', crop_size=6, padding=2)
FLIP = dict(type='mmpretrain.RandomFlip', prob=0.5, direction='horizontal')
PACK = dict(type='mmpretrain.PackInputs')


def images(number=4, side=6):
    return np.random.default_rng(0).integers(0, 256, (number, side, side, 3), np.uint8)


def pipeline(*transforms):
    return [TRANSFORMS.build(dict(transform)) for transform in transforms]


def items(number=4, side=6):
    return [dict(img=image, gt_label=i, sample_idx=i) for i, image in enumerate(images(number, side))]


def possible(crop, flip, image, monkeypatch):
    """Offset and flip -> what the transforms themselves give for that draw."""
    found = {}
    room = image.shape[0] + 2 * (crop.padding or 0) - crop.crop_size[0] + 1
    for y in range(room):
        for x in range(room):
            for direction in ('horizontal', None):
                monkeypatch.setattr(
                    crop, 'rand_crop_params', lambda img, y=y, x=x: (y, x, *crop.crop_size)
                )
                monkeypatch.setattr(flip, '_choose_direction', lambda direction=direction: direction)
                item = flip(crop(dict(img=image)))
                found[y, x, direction] = item
    monkeypatch.undo()
    return found


@pytest.mark.parametrize(('crop_size', 'padding'), [(6, 2), (4, None), (5, 1)])
def test_every_crop_is_one_of_the_transforms_and_all_are_as_likely(crop_size, padding, monkeypatch):
    crop, flip = pipeline(dict(CROP, crop_size=crop_size, padding=padding), FLIP)
    transform = CropAndFlip.of([crop, flip])
    known = [possible(crop, flip, image, monkeypatch) for image in images()]
    np.random.seed(0)
    counts = dict.fromkeys(known[0], 0)
    rounds = 200
    for _ in range(rounds):
        for item, draws in zip(transform(items()), known, strict=True):
            (draw,) = (
                draw
                for draw, other in draws.items()
                if np.array_equal(other['img'], item['img'])
                and other['flip_direction'] == item['flip_direction']
            )
            counts[draw] += 1
            other = draws[draw]
            assert (item['img_shape'], item['flip']) == (other['img_shape'], other['flip'])
    expected = 4 * rounds / len(counts)
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    degrees = len(counts) - 1
    assert chi_square < degrees + 4 * np.sqrt(2 * degrees)


def test_a_flip_alone_has_its_probability():
    (flip,) = pipeline(dict(FLIP, prob=0.2))
    np.random.seed(0)
    found = CropAndFlip.of([flip])(items(2000))
    assert 0.17 < np.mean([item['flip'] for item in found]) < 0.23
    assert all('img_shape' not in item for item in found)
    flipped = next(i for i, item in enumerate(found) if item['flip'])
    assert np.array_equal(found[flipped]['img'], images(2000)[flipped][:, ::-1])


def test_what_it_leaves_to_the_pipeline():
    class Own(RandomCrop):
        pass

    for transforms in (
        [PACK],
        [dict(CROP, pad_if_needed=True), FLIP],
        [dict(CROP, padding=(1, 2))],
        [dict(CROP, pad_val=7)],
        [dict(FLIP, direction='vertical')],
        [dict(FLIP, prob=[0.5], direction=['horizontal'])],
        [],
    ):
        assert CropAndFlip.of(pipeline(*transforms)) is None
    assert CropAndFlip.of([Own(4)]) is None
    second = CropAndFlip.of(pipeline(PACK)) or CropAndFlip.of(pipeline(CROP, PACK, FLIP))
    assert isinstance(second.crop, RandomCrop) and second.flip is None and len(second.rest) == 2


def test_the_seed_of_numpy_repeats_it():
    transform = CropAndFlip.of(pipeline(CROP, FLIP))
    found = []
    for _ in range(2):
        np.random.seed(3)
        found.append(np.stack([item['img'] for item in transform(items(64))]))
    assert np.array_equal(*found)


def test_draws_that_are_given():
    """The least and the greatest number of [0, 1) are the first and the last row, column, or no flip."""
    transform = CropAndFlip.of(pipeline(CROP, FLIP))
    last = np.nextafter(1, 0)
    draws = np.array([[0, last, 0], [0.5, 0.2, 0.5]])
    padded = np.pad(images(2), ((0, 0), (2, 2), (2, 2), (0, 0)))
    first, second = transform(items(2), draws)
    assert np.array_equal(first['img'], padded[0, 0:6, 4:10][:, ::-1]) and first['flip']
    assert np.array_equal(second['img'], padded[1, 2:8, 1:7]) and not second['flip']


def test_what_comes_before_the_rest_of_a_pipeline():
    called = []
    transform = CropAndFlip.of(pipeline(CROP, PACK))
    transform(items(3), before_rest=called.append)
    assert not called  # packing draws nothing
    transform.rest.append(lambda item: called.append('rest'))
    transform(items(2), before_rest=called.append)
    assert called == [0, 'rest', 1, 'rest']


def test_a_loader_gets_batches(cifar_of_twelve):
    usual = [dict(CROP, crop_size=32, padding=4), FLIP, PACK]
    made = [cifar_of_twelve(*usual, batched=batched) for batched in (True, False)]
    made[0].pipeline = SimpleNamespace(transforms=made[0].pipeline.transforms)  # cannot be called
    batches = [one.__getitems__([3, 0, 11]) for one in made]
    for fast, slow in zip(*batches, strict=True):
        assert fast['inputs'].shape == slow['inputs'].shape == (3, 32, 32)
        assert fast['inputs'].dtype == torch.uint8
        fast, slow = fast['data_samples'], slow['data_samples']
        assert torch.equal(fast.gt_label, slow.gt_label)
        assert fast.metainfo.keys() == slow.metainfo.keys()
        assert fast.sample_idx == slow.sample_idx and fast.img_shape == slow.img_shape


def test_a_pipeline_that_gives_nothing_asks_the_data_set(cifar_of_twelve, monkeypatch):
    made = cifar_of_twelve(dict(CROP, crop_size=32, padding=4), PACK)
    made.pipeline.transforms.insert(1, lambda item: None if item['sample_idx'] == 2 else item)
    monkeypatch.setattr(made, '_rand_another', lambda: 5)
    found = made.__getitems__([2, 4])
    assert [item['data_samples'].sample_idx for item in found] == [5, 4]
