"""What the tests of the plugin share."""

import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmnystrom.plugin import CIFAR100Images


@pytest.fixture
def once_said(monkeypatch):
    """The warnings that are logged once, in the order in which they are logged."""
    messages = []
    monkeypatch.setattr(
        'mmnystrom.plugin.once.print_log', lambda message, **kwargs: messages.append(message)
    )
    return messages


@pytest.fixture
def cifar_of_twelve(monkeypatch):
    """Makes CIFAR-100 of twelve images, of the transforms and arguments that it is given."""
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
    rows = [dict(img=image, gt_label=i) for i, image in enumerate(images)]
    monkeypatch.setattr(CIFAR100Images, 'load_data_list', lambda self: [dict(row) for row in rows])

    def make(*transforms, **kwargs):
        pipeline = [dict(transform) for transform in transforms]
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            return CIFAR100Images(data_root='nowhere', split='train', pipeline=pipeline, **kwargs)

    return make
