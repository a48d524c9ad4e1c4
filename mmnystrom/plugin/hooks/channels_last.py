"""The hook that keeps images and weights in the memory layout that convolutions are fastest in."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from torch import Tensor

from mmnystrom.registry import HOOKS

from ..lookup import unwrap


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keep four-dimensional weights, and the images of every batch, in ``torch.channels_last``.

    That is a layout in memory: shapes, checkpoints and results are as without it, to rounding. Student
    and teacher have it, in training, validation and testing. It pays with mixed precision above all.

    Source: torch's tutorial "Channels Last Memory Format in PyTorch".
    """

    # Before the hooks that run a network before the first iteration.
    priority = 'HIGH'

    def before_run(self, runner) -> None:
        """Lay out every batch from now on, also for a network that is called by itself."""
        unwrap(runner.model).data_preprocessor.register_forward_hook(_lay_out)

    def before_train(self, runner) -> None:
        """Lay out the weights. They have their first values by now, which are drawn in memory's order."""
        unwrap(runner.model).to(memory_format=torch.channels_last)

    before_val = before_test = before_train


def _lay_out(module, arguments, data: dict) -> dict:
    if isinstance(data, dict) and 'inputs' in data:
        data['inputs'] = _channels_last(data['inputs'])
    return data


def _channels_last(inputs: object) -> object:
    if isinstance(inputs, Tensor) and inputs.dim() == 4:
        return inputs.contiguous(memory_format=torch.channels_last)
    if isinstance(inputs, (list, tuple)):
        return type(inputs)(_channels_last(part) for part in inputs)
    if isinstance(inputs, dict):
        return {key: _channels_last(value) for key, value in inputs.items()}
    return inputs
