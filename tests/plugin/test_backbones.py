"""ShuffleNetV2 for small images."""

import torch
from mmpretrain.models import ShuffleNetV2
from mmpretrain.registry import MODELS


def test_stages_of_16_8_and_4_pixels():
    network = MODELS.build(dict(type='ShuffleNetV2_CIFAR', widen_factor=1.0, out_indices=(0, 1, 2, 3)))
    shapes = [tuple(maps.shape) for maps in network(torch.zeros(2, 3, 32, 32))]
    assert shapes == [(2, 116, 16, 16), (2, 232, 8, 8), (2, 464, 4, 4), (2, 1024, 4, 4)]


def test_the_parameters_are_those_of_shufflenet():
    ours, theirs = MODELS.build(dict(type='ShuffleNetV2_CIFAR')), ShuffleNetV2()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }
