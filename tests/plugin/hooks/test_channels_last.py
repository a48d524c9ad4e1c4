"""channels_last is a layout: nothing else changes."""

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from support import WIDER, kda_config, train
from torch import nn

from mmnystrom.plugin.hooks import channels_last


class Layouts(Hook):
    """Sees what the convolutions are given."""

    def __init__(self):
        self.seen = set()

    def before_train(self, runner):
        def see(module, inputs):
            self.seen.add(inputs[0].is_contiguous(memory_format=torch.channels_last))

        for name in ('student', 'teacher'):
            getattr(runner.model, name).backbone.conv1.register_forward_pre_hook(see)


def run(work_dir, *hooks):
    cfg = kda_config(work_dir)
    cfg.merge_from_dict(WIDER)
    cfg.custom_hooks.extend(hooks)
    layouts = Layouts()
    runner, curve = train(cfg, layouts)
    metrics = {key: runner.message_hub.get_scalar(f'val/{key}').current() for key in ('accuracy/top1',)}
    return runner, np.array([[row[key] for key in sorted(row)] for row in curve]), layouts.seen, metrics


def test_weights_and_images_are_laid_out_and_results_stay(tmp_path):
    plain, expected, seen, metrics = run(tmp_path / 'plain')
    assert False in seen
    runner, found, seen, again = run(tmp_path / 'last', dict(type='ChannelsLastHook'))
    assert seen == {True}
    assert np.abs(found - expected).max() < 1e-4 and metrics == again
    weights = [w for w in runner.model.parameters() if w.dim() == 4]
    assert weights and all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)
    checkpoint = torch.load(tmp_path / 'last' / 'epoch_2.pth', weights_only=False)['state_dict']
    for name, value in plain.model.state_dict().items():
        assert checkpoint[name].shape == value.shape


def test_what_crashes_torch_is_refused_before_it_does(tmp_path, monkeypatch):
    """A strided 1 x 1 convolution of four channels, on a CPU with AVX2: issue 6035 of oneDNN."""
    monkeypatch.setattr(channels_last, 'capability', lambda: 'AVX2')
    cfg = kda_config(tmp_path)
    cfg.custom_hooks.append(dict(type='ChannelsLastHook'))
    with pytest.raises(
        ValueError, match=r'architecture\.\S*downsample\S* is a 1 x 1 conv.* of 4 channels\. In'
    ):
        train(cfg)


@pytest.mark.parametrize(
    ('layer', 'crashes'),
    [
        (nn.Conv2d(4, 8, 1, 2), True),
        (nn.Conv2d(16, 16, 1, 2, groups=4), True),
        (nn.Conv2d(8, 8, 1, 2), False),
        (nn.Conv2d(4, 8, 1), False),
        (nn.Conv2d(4, 8, 3, 2), False),
        (nn.Conv2d(4, 8, 1, 2).requires_grad_(False), False),
        (nn.Conv2d(4, 8, 1, 2, device='meta'), False),
        (nn.Linear(4, 8), False),
    ],
)
def test_which_layers_crash(layer, crashes):
    assert [name for name, _ in channels_last.crashing(nn.Sequential(layer))] == ['0'] * crashes


@pytest.mark.parametrize('channels', [channels_last.SAFE_CHANNELS, 9, 12])
def test_layers_that_do_not_crash_are_right_too(channels):
    """Beside the ordinary layout, whose backward pass is another."""
    torch.manual_seed(0)
    layer = nn.Conv2d(channels, 16, 1, 2)
    images = torch.randn(20, channels, 8, 8)
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        layer.to(memory_format=layout).zero_grad()
        layer(images.contiguous(memory_format=layout)).square().sum().backward()
        found.append(layer.weight.grad.clone())
    torch.testing.assert_close(*found)
