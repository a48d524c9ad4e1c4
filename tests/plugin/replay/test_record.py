"""Records come back as they were."""

import numpy as np
import pytest
import torch

from mmnystrom.plugin.replay.errors import ReplayError
from mmnystrom.plugin.replay.record import describe, put_together, take_apart

RECORD = [
    (torch.randn(4, 3), torch.arange(4)),
    torch.randn(4, 2, 5, 5),
    [None, (torch.randn(4),)],
]


def test_nested_records_come_back():
    leaves = []
    structure = take_apart(RECORD, leaves)
    assert [leaf.shape for leaf in leaves] == [(4, 3), (4,), (4, 2, 5, 5), (4,)]
    found = put_together(structure, leaves)
    assert isinstance(found[0], tuple) and isinstance(found[2], list) and found[2][0] is None
    assert found[0][0] is leaves[0] and found[2][1][0] is leaves[3]


@pytest.mark.parametrize('odd', [3.0, 'x', dict(a=torch.zeros(4)), object()])
def test_anything_else_is_refused(odd):
    with pytest.raises(ReplayError, match=type(odd).__name__):
        take_apart([(torch.zeros(4), odd)], [])


@pytest.mark.parametrize('tensor', [torch.zeros(()), torch.zeros(8, 3)])
def test_what_has_not_one_row_an_image_is_refused(tensor):
    with pytest.raises(ReplayError, match='4 images'):
        describe([tensor], 4, 'float32')


@pytest.mark.parametrize(
    ('given', 'dtype', 'stored'),
    [
        (torch.float32, 'float32', 'float32'),
        (torch.float32, 'float16', 'float16'),
        (torch.float32, 'bfloat16', 'bfloat16'),
        (torch.bfloat16, 'float32', 'bfloat16'),
        (torch.float64, 'float32', 'float32'),
        (torch.int64, 'float16', 'int64'),
        (torch.bool, 'float16', 'bool'),
    ],
)
def test_dtypes(given, dtype, stored):
    rows = (torch.randn(4, 3) * 5).to(given)
    (leaf,) = describe([rows], 4, dtype)
    assert leaf.stored == stored
    packed, fits = leaf.pack(rows)
    assert fits.all() and packed.itemsize * 3 == leaf.row_bytes
    found = leaf.unpack(packed, torch.device('cpu'))
    assert found.dtype == given
    assert torch.equal(found, rows.to(getattr(torch, stored)).to(given))


def test_float16_says_which_rows_it_cannot_hold():
    rows = torch.tensor([[1.0, 2.0], [7e4, 0.0], [float('inf'), 1.0], [float('nan'), 1.0]])
    (leaf,) = describe([rows], 4, 'float16')
    assert leaf.pack(rows)[1].tolist() == [True, False, True, True]
    (scalar,) = describe([rows[:, 0]], 4, 'float16')
    assert scalar.pack(rows[:, 0])[1].tolist() == [True, False, True, True]


def test_channels_last_rows_are_stored_as_they_read():
    rows = torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last)
    (leaf,) = describe([rows], 4, 'float32')
    assert np.array_equal(leaf.pack(rows)[0], rows.numpy())
