"""What passes as features."""

import pytest
import torch

from mmnystrom.core.features import (
    FeatureShapeError,
    FeatureTypeError,
    computing_dtype,
    feature_rows,
)


def test_rows_and_pooled_maps_pass():
    rows = torch.randn(3, 4)
    assert feature_rows(rows, 'x') is rows
    assert torch.equal(feature_rows(rows[:, :, None, None], 'x'), rows)


@pytest.mark.parametrize('shape', [(3,), (3, 4, 2, 2), (3, 5, 4), (2, 3, 4, 1, 2)])
def test_other_shapes_are_told_to_pool(shape):
    with pytest.raises(FeatureShapeError, match='loss: s_feature must have shape') as error:
        feature_rows(torch.zeros(shape), 'loss: s_feature')
    assert f'{tuple(shape)}: pool it first' in str(error.value)


def test_a_tuple_is_no_feature():
    with pytest.raises(FeatureTypeError, match='got tuple'):
        feature_rows((torch.zeros(2, 2),), 's_feature')


def test_integers_are_refused():
    with pytest.raises(TypeError, match=r'floating point, got torch\.int64'):
        feature_rows(torch.zeros(2, 2, dtype=torch.long), 's_feature')


def test_computing_dtype():
    half, single, double = (
        torch.zeros(1, dtype=t) for t in (torch.bfloat16, torch.float32, torch.float64)
    )
    assert computing_dtype(half, half) is torch.float32
    assert computing_dtype(half, single) is torch.float32
    assert computing_dtype(half, double) is torch.float64
