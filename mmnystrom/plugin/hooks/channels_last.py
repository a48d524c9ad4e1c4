"""The hook that keeps images and weights in the memory layout that convolutions are fastest in."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from mmengine.hooks import Hook
from torch import Tensor, nn

from mmnystrom.registry import HOOKS

from ..lookup import unwrap

#: Input channels below which oneDNN writes past its memory in the backward pass of a strided 1 x 1
#: convolution in channels_last, on a CPU whose widest instructions are AVX2: issue 6035 of oneDNN.
SAFE_CHANNELS = 8


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keep four-dimensional weights, and the images of every batch, in ``torch.channels_last``.

    That is a layout in memory: shapes, checkpoints and results are as without it, to rounding. Student
    and teacher have it, in training, validation and testing. It pays with mixed precision above all.

    Source: torch's tutorial "Channels Last Memory Format in PyTorch".

    Raises:
        ValueError: Before training on a CPU, if torch would crash there: a network has a 1 x 1
            convolution with a stride and fewer than eight input channels, and the CPU has AVX2 but not
            AVX-512.
    """

    # Before the hooks that run a network before the first iteration.
    priority = 'HIGH'

    def before_run(self, runner) -> None:
        """Lay out every batch from now on, also for a network that is called by itself."""
        unwrap(runner.model).data_preprocessor.register_forward_hook(_lay_out)

    def before_train(self, runner) -> None:
        """Lay out the weights. They have their first values by now, which are drawn in memory's order.

        Raises:
            ValueError: See above.
        """
        model = unwrap(runner.model)
        if capability() == 'AVX2':
            for name, layer in crashing(model):
                raise ValueError(
                    f'ChannelsLastHook: {name} is a 1 x 1 convolution with stride {layer.stride} of '
                    f'{layer.in_channels} channels. In channels_last torch crashes in the backward pass '
                    f'of one with fewer than {SAFE_CHANNELS}, on a CPU without AVX-512 (issue 6035 of '
                    'oneDNN): take the hook out, or a wider network.'
                )
        self.before_val(runner)

    def before_val(self, runner) -> None:
        """Lay out the weights."""
        unwrap(runner.model).to(memory_format=torch.channels_last)

    before_test = before_val


def capability() -> str | None:
    """The widest instructions of the CPU that torch uses, such as ``'AVX2'``; None before torch 2.1."""
    cpu = getattr(torch.backends, 'cpu', None)
    return None if cpu is None else cpu.get_cpu_capability()


def crashing(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    """The layers on a CPU whose backward pass crashes, with their names; see :data:`SAFE_CHANNELS`."""
    for name, layer in model.named_modules():
        if (
            isinstance(layer, nn.Conv2d)
            and layer.weight.requires_grad
            and layer.weight.device.type == 'cpu'
            and tuple(layer.kernel_size) == (1, 1)
            and max(layer.stride) > 1
            and layer.in_channels // layer.groups < SAFE_CHANNELS
        ):
            yield name, layer


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
