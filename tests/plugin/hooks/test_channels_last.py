"""channels_last is a layout: nothing else changes."""

import numpy as np
import torch
from mmengine.hooks import Hook
from support import kda_config, train


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
