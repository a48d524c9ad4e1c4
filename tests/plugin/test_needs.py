"""What the method needs, in the words of a config."""

import pytest
import torch

from mmnystrom.core import FeatureShapeError, FeatureTypeError, LabelError
from mmnystrom.plugin.needs import missing, recorded_rows, with_remedy


def test_pooled_features_pass():
    rows = torch.randn(3, 4)
    assert torch.equal(recorded_rows(rows[:, :, None, None], 'x'), rows)


def test_maps_are_told_to_pool():
    words = r"loss: s_feature must have .*connector='pool' to the mapping of s_feature in loss_forward"
    with pytest.raises(FeatureShapeError, match=words):
        recorded_rows(torch.zeros(3, 4, 2, 2), 'loss: s_feature', 's_feature')


def test_tuples_are_told_to_pool():
    with pytest.raises(FeatureTypeError, match="got tuple.*dict\\(type='PoolConnector'\\)"):
        recorded_rows((torch.zeros(2, 2),), 's_feature')


def test_labels_are_told_where_they_are_recorded():
    found = with_remedy(LabelError('labels hold 3.'), 'loss_kda')
    assert isinstance(found, LabelError)
    assert str(found).startswith('loss_kda: gt_label: labels hold 3. A recorder')
    assert str(found).endswith('the labels at data_idx=1.')
    assert str(with_remedy(ValueError('other'), 'loss_kda')) == 'loss_kda: other'


@pytest.mark.parametrize('need', ['labels', 'weights', 'indices'])
def test_what_is_missing_names_the_loss_to_map_it_for(need):
    assert 'loss_mine' in missing(need, 'loss_mine') or need == 'indices'
