"""Fixed views of every image, whatever draws them and wherever."""

import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler, pseudo_collate
from mmpretrain.structures import DataSample
from torch.utils.data import BatchSampler, DataLoader

from mmnystrom.plugin.replay.views import (
    PLACE,
    SeededViews,
    ViewIndex,
    ViewSampler,
    kept_random_state,
    places,
    seeded_loader,
    view_draws,
    view_sampler,
)

CROP = dict(type='RandomCrop', crop_size=32, padding=4)
FLIP = dict(type='RandomFlip', prob=0.5, direction='horizontal')
PACK = dict(type='PackInputs')


class Drawing:
    """Data whose pipeline draws from all three generators."""

    metainfo = dict(classes=('a',))

    def __init__(self, size=7):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        drawn = [random.random(), np.random.rand(), torch.rand(()).item()]
        return dict(inputs=torch.tensor([index, *drawn]), data_samples=DataSample())

    def __getitems__(self, indices):
        raise AssertionError('the views must be drawn one by one')


def view(dataset, index, epoch):
    return dataset[ViewIndex.of(index, epoch)]['inputs']


def test_a_view_is_drawn_the_same_again():
    dataset = SeededViews(Drawing(), 3)
    first = view(dataset, 2, 1)
    disturb()
    assert torch.equal(view(dataset, 2, 1), first)
    assert torch.equal(view(dataset, 2, 4), first)  # modulo views
    others = [view(dataset, 2, 0), view(dataset, 2, 2), view(dataset, 3, 1)]
    others.append(view(SeededViews(Drawing(), 3, seed=1), 2, 1))
    for other in others:
        assert (other[1:] != first[1:]).all()


def disturb():
    random.seed(9), np.random.seed(9), torch.manual_seed(9)


def test_views_of_a_batch_at_once(cifar_of_twelve):
    """A view is the same by itself and in any batch, and the crop and flip of the view's own numbers."""
    dataset = SeededViews(cifar_of_twelve(CROP, FLIP, PACK), 3)
    dataset.dataset.pipeline.transforms[0].transform = None  # is not called
    disturb()
    batch = dataset.__getitems__([ViewIndex.of(2, 1), ViewIndex.of(7, 0), ViewIndex.of(2, 3)])
    assert [getattr(item['data_samples'], PLACE) for item in batch] == [(2, 1), (7, 0), (2, 0)]
    for item in batch:
        index, epoch = getattr(item['data_samples'], PLACE)
        assert torch.equal(view(dataset, index, epoch), item['inputs'])
        row, column, flipped = np.random.default_rng((0, epoch)).random((12, 3))[index]
        padded = np.pad(dataset.get_data_info(index)['img'], ((4, 4), (4, 4), (0, 0)))
        row, column = int(row * 9), int(column * 9)
        expected = padded[row : row + 32, column : column + 32]
        expected = expected[:, ::-1] if flipped < 0.5 else expected
        assert np.array_equal(item['inputs'].numpy(), expected.transpose(2, 0, 1))
    assert not torch.equal(view(SeededViews(dataset.dataset, 3, seed=1), 2, 1), batch[0]['inputs'])


@pytest.mark.parametrize('gives_nothing', [False, True])
def test_what_is_drawn_after_crop_and_flip_is_a_view_too(cifar_of_twelve, monkeypatch, gives_nothing):
    def draw(item):
        if gives_nothing and item['sample_idx'] != 5:
            return None
        item['drawn'] = (random.random(), np.random.rand(), torch.rand(()).item())
        return item

    made = cifar_of_twelve(CROP, FLIP, dict(PACK, meta_keys=['drawn']))
    monkeypatch.setattr(made, '_rand_another', lambda: 5)
    made.pipeline.transforms.insert(2, draw)
    dataset = SeededViews(made, 3)
    found = []
    for batch in ([1, 2], [2], [0, 2, 4]):
        disturb()
        items = dataset.__getitems__([ViewIndex.of(index, 1) for index in batch])
        found.append(items[batch.index(2)])
    assert len({item['data_samples'].drawn for item in found}) == 1
    assert all(torch.equal(item['inputs'], found[0]['inputs']) for item in found)


def test_a_data_set_that_goes_image_by_image(cifar_of_twelve):
    """As one with another pipeline does, and a wrapper that only passes attributes on."""

    class Second:
        def __init__(self, dataset):
            self.dataset = dataset

        def __getattr__(self, name):
            return getattr(self.dataset, name)

        def __getitem__(self, index):
            return self.dataset[index + 6]

    usual = SeededViews(cifar_of_twelve(CROP, FLIP, PACK, batched=False), 3)
    other = SeededViews(cifar_of_twelve(FLIP, CROP, PACK), 3)
    second = SeededViews(Second(cifar_of_twelve(CROP, FLIP, PACK)), 3)
    for dataset in (usual, other, second):
        first = view(dataset, 2, 1)
        disturb()
        assert torch.equal(view(dataset, 2, 1), first)
    assert dataset[0]['data_samples'].gt_label.item() == 6


def test_the_numbers_of_views():
    table = view_draws(0, 1, 500)
    assert table.shape == (500, 3) and table.min() >= 0 and table.max() < 1
    others = [view_draws(0, 2, 500), view_draws(1, 1, 500), view_draws(1, 0, 500)]
    assert all((other != table).all() for other in others)
    assert np.array_equal(table, view_draws(0, 1, 500))


def test_views_do_not_depend_on_their_number():
    assert torch.equal(view(SeededViews(Drawing(), 3), 2, 1), view(SeededViews(Drawing(), 30), 2, 1))


def test_a_view_says_which_it_is():
    sample = SeededViews(Drawing(), 3)[ViewIndex.of(5, 4)]['data_samples']
    assert getattr(sample, PLACE) == (5, 1)
    assert places([sample, sample]).tolist() == [[5, 1], [5, 1]]
    assert places([sample, DataSample()]) is None and places([]) is None and places(None) is None


def test_the_generators_are_put_back():
    with kept_random_state():
        random.seed(3), np.random.seed(3), torch.manual_seed(3)
        expected = [random.random(), np.random.rand(), torch.rand(()).item()]
        random.seed(3), np.random.seed(3), torch.manual_seed(3)
        SeededViews(Drawing(), 3)[1]
        found = [random.random(), np.random.rand(), torch.rand(()).item()]
    assert found == expected


def test_the_data_set_is_seen_through():
    dataset = SeededViews(Drawing(), 3)
    assert len(dataset) == 7 and dataset.metainfo == Drawing.metainfo
    assert len(pickle.loads(pickle.dumps(dataset))) == 7
    index = pickle.loads(pickle.dumps(ViewIndex.of(4, 11)))
    assert (index, index.epoch) == (4, 11)


def drawn(loader):
    """Image, view and pixels of all that an epoch gives, by image and view."""
    found = {}
    for batch in loader:
        for place, pixels in zip(places(batch['data_samples']), batch['inputs'], strict=True):
            found[tuple(place.tolist())] = pixels
    return found


def loader(batch_sampler=False, **kwargs):
    dataset = Drawing()
    sampler = DefaultSampler(dataset, shuffle=True, seed=0)
    if batch_sampler:
        kwargs['batch_sampler'] = BatchSampler(sampler, 3, drop_last=False)
    else:
        kwargs.update(batch_size=3, sampler=sampler)
    return seeded_loader(DataLoader(dataset, collate_fn=pseudo_collate, **kwargs), 2, 0)


@pytest.mark.parametrize(
    'kwargs',
    [dict(num_workers=2, persistent_workers=True), dict(num_workers=1), dict(batch_sampler=True)],
    ids=str,
)
def test_epochs_reach_the_workers(kwargs):
    """Workers that live on over epochs too."""
    one, other = loader(), loader(**kwargs)
    for epoch in range(3):
        for each in (one, other):
            view_sampler(each).epoch = epoch
        expected, found = drawn(one), drawn(other)
        assert {view for _, view in found} == {epoch % 2} and len(found) == 7
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in found)


def test_a_loader_keeps_its_properties():
    made = loader(num_workers=1, persistent_workers=True, prefetch_factor=3)
    assert (made.batch_size, made.num_workers, made.prefetch_factor) == (3, 1, 3)
    made.sampler.set_epoch(5)
    assert made.sampler.sampler.epoch == 5 and len(made) == 3


def test_passes_of_a_loop_that_counts_iterations():
    sampler = ViewSampler(DefaultSampler(Drawing(), shuffle=False))
    assert [[index.epoch for index in sampler] for _ in range(3)] == [[0] * 7, [1] * 7, [2] * 7]


@pytest.mark.parametrize('batches', [False, True])
def test_an_infinite_sampler_counts_passes_over_all_ranks(monkeypatch, batches):
    for rank in (0, 1):
        for module in ('mmengine.dataset.sampler', 'mmnystrom.plugin.replay.views'):
            monkeypatch.setattr(f'{module}.get_dist_info', lambda rank=rank: (rank, 2))
        inner = InfiniteSampler(Drawing(), shuffle=True, seed=0)
        next(inner.indices)  # as a loader has drawn that was there before
        sampler = ViewSampler(BatchSampler(inner, 5, False) if batches else inner)
        stream = iter(sampler)
        items = [next(stream) for _ in range(4 if batches else 20)]
        items = [index for item in items for index in item] if batches else items
        expected = [(2 * i + rank) // 7 for i in range(20)]
        assert [index.epoch for index in items] == expected
        full = torch.Generator().manual_seed(0)
        order = [i for _ in range(6) for i in torch.randperm(7, generator=full).tolist()]
        assert [int(index) for index in items] == order[rank : rank + 40 : 2]
