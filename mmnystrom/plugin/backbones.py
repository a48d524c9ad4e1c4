"""Networks that the paper trains and mmpretrain has at the size of ImageNet only."""

from __future__ import annotations

from mmpretrain.models import ShuffleNetV2
from torch import nn

from mmnystrom.registry import MODELS


@MODELS.register_module()
class ShuffleNetV2_CIFAR(ShuffleNetV2):  # noqa: N801  (as mmpretrain's ResNet_CIFAR)
    """ShuffleNetV2 for images of 32 x 32: a first convolution of stride 1 and no pooling behind it.

    What ResNet_CIFAR is to ResNet. The three stages then see maps of 16, 8 and 4 pixels a side, as in
    the usual CIFAR versions of this network.

    Source: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
    ECCV 2018.

    Args:
        **kwargs: As for ShuffleNetV2: ``widen_factor``, ``out_indices``, ...
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.conv1.conv.stride = (1, 1)
        self.maxpool = nn.Identity()
