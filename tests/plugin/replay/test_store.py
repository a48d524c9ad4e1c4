"""Keys, layers, sizes."""

import json
import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch

from mmnystrom.plugin.replay import ReplayError, ReplayStore
from mmnystrom.plugin.replay.record import Leaf
from mmnystrom.plugin.replay.store import Layer, folder_name, layer_name

GAP = Layer(['list', 0], (Leaf((512, 1, 1), 'float32', 'float16'),))
BOTH = Layer(['list', ['tuple', 0, 1]], (Leaf((3,), 'float32', 'float32'), Leaf((), 'int64', 'int64')))


@pytest.fixture
def store(tmp_path):
    store = ReplayStore(tmp_path, dict(teacher='a'), 100)
    store.add_layer('neck.gap', GAP)
    store.add_layer('head.fc (inputs)', BOTH)
    return store


def rows(*pairs):
    return np.array(pairs, np.int64)


def test_rows_of_several_views_in_one_batch(store):
    first, second = np.arange(9, dtype=np.float32).reshape(3, 3), np.array([7, 8, 9])
    places = rows((5, 0), (6, 2), (5, 2))
    store.write('head.fc (inputs)', places, [first, second])
    asked = rows((5, 2), (5, 1), (6, 2), (5, 0), (6, 0))
    found, valid = store.read('head.fc (inputs)', asked)
    assert valid.tolist() == [True, False, True, True, False]
    assert np.array_equal(found[0][valid], first[[2, 1, 0]]) and found[1][valid].tolist() == [9, 8, 7]
    assert store.count('head.fc (inputs)', 2) == 2 and store.count('neck.gap', 2) == 0
    tensors = store.tensors('head.fc (inputs)', found, torch.device('cpu'))
    ((logits, labels),) = store.record('head.fc (inputs)', tensors)
    assert logits.dtype == torch.float32 and labels.dtype == torch.int64


def test_a_view_counts_once_its_last_leaf_is_there(store):
    store._file('head.fc (inputs)', 0, 1).write(np.array([3]), np.ones((1, 3), np.float32))
    assert not store.read('head.fc (inputs)', rows((3, 1)))[1].any()


@pytest.mark.parametrize('change', [dict(teacher='b'), dict(teacher='a', dtype='float16')])
def test_another_key_is_another_folder(store, tmp_path, change):
    assert ReplayStore(tmp_path, change, 100).folder != store.folder
    assert ReplayStore(tmp_path, dict(teacher='a'), 101).folder != store.folder
    assert ReplayStore(tmp_path, dict(teacher='a'), 100).folder == store.folder
    assert json.loads((store.folder / 'key.json').read_text())['teacher'] == 'a'


def test_a_layer_that_is_something_else_now_is_refused(store, tmp_path):
    again = ReplayStore(tmp_path, dict(teacher='a'), 100)
    again.add_layer('neck.gap', GAP)
    with pytest.raises(ReplayError, match='delete the folder'):
        again.add_layer('head.fc (inputs)', GAP)


def test_the_size_in_one_line(tmp_path):
    store = ReplayStore(tmp_path, {}, 50_000)
    store.add_layer('neck.gap', GAP)
    assert store.size(10) == 'neck.gap 512 x float16 x 50,000 x 10 = 0.48 GiB'
    store.check_room(10, 0.5)
    with pytest.raises(ReplayError, match=r'0.48 GiB of it for neck.gap.*max_gib=0.4.*fewer views'):
        store.check_room(10, 0.4)


def test_what_the_disk_has_not_is_refused(store, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage(0, 0, 1000 * 100))
    with pytest.raises(ReplayError, match=r'most of it for neck.gap .*97.7 KiB left'):
        store.check_room(1, 20)
    # What is there already needs no room.
    store.write('neck.gap', rows(*((i, 0) for i in range(100))), [np.ones((100, 512, 1, 1))])
    store.check_room(1, 20)


def test_names_of_layers():
    assert layer_name('neck.gap', 'outputs') == 'neck.gap'
    assert layer_name('', 'inputs') == 'model (inputs)'
    assert folder_name('head.fc (inputs)') != folder_name('head.fc')
