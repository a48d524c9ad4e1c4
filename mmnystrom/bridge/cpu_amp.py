"""Break: ``--amp`` stops on a CPU, where mixed precision works.

Where: ``mmengine/optim/optimizer/amp_optimizer_wrapper.py:77`` asserts an accelerator, although
``mmengine.runner.autocast``, which the wrapper uses, knows the CPU and its bfloat16.
Cure: on a CPU the wrapper is built, computes in bfloat16, and has a loss scaler that is off: bfloat16
has the range of float32. float16 is refused in a sentence, and a CPU on which a convolution takes longer
in bfloat16 than in float32 is warned of, once. It is timed: of two CPUs that both name AVX512-BF16, one
took half of float32's time, the other 1.7 times as long.
Can go: once mmengine builds the wrapper on a CPU.
"""

from __future__ import annotations

import functools
import logging
import time
from unittest import mock

import torch

NAME = '--amp on the CPU'
#: A convolution that takes this many times as long in bfloat16 is slower; less is the clock's doubt.
SLOWER = 1.1
#: How often it is timed in each precision. The shortest time counts, so that other programs do not.
ROUNDS = 5


def is_broken() -> bool:
    """Whether this machine would train on its CPU, and the wrapper would refuse."""
    from mmengine.device import get_device

    return get_device() == 'cpu' and not _builds()


def _builds() -> bool:
    from mmengine.optim import AmpOptimWrapper

    try:  # that there is no optimizer is refused later, and making one would cost every start
        AmpOptimWrapper(optimizer=None, dtype='bfloat16')
    except AssertionError as error:
        return 'only available training on gpu' not in str(error)
    return True


def apply() -> None:
    """Wrap the wrapper's constructor."""
    from mmengine.optim import AmpOptimWrapper

    AmpOptimWrapper.__init__ = _on_the_cpu(AmpOptimWrapper.__init__)


def _on_the_cpu(original):
    @functools.wraps(original)
    def init(self, loss_scale='dynamic', dtype=None, use_fsdp=False, **kwargs):
        if str(dtype).removeprefix('torch.') == 'float16':
            raise ValueError(
                "dtype='float16': mixed precision on a CPU is bfloat16: leave dtype out, or write "
                "optim_wrapper=dict(type='AmpOptimWrapper', dtype='bfloat16')."
            )
        _warn()
        module = 'mmengine.optim.optimizer.amp_optimizer_wrapper'
        with mock.patch(f'{module}.is_cuda_available', lambda: True):
            original(self, dict(enabled=False), dtype or 'bfloat16', use_fsdp, **kwargs)

    return init


def warning() -> str | None:
    """What a user of ``--amp`` is told on this CPU; None where bfloat16 is not slower than float32."""
    ratio = bf16_ratio()
    if ratio <= SLOWER:
        return None
    return (
        f'A convolution takes {ratio:.1f} times as long in bfloat16 as in float32 on this CPU: leave '
        '--amp out, unless it is the memory that you want to save.'
    )


@functools.cache
def bf16_ratio() -> float:
    """Time of a convolution and its gradient in bfloat16, in multiples of float32's, on this CPU now."""
    dtypes = (torch.float32, torch.bfloat16)
    rounds = [[_seconds(dtype) for dtype in dtypes] for _ in range(ROUNDS)]
    single, half = map(min, zip(*rounds, strict=True))
    return half / single


@torch.enable_grad()
def _seconds(dtype: torch.dtype) -> float:
    # Ones: random numbers would change those that the run draws.
    images = torch.ones(8, 64, 16, 16, dtype=dtype, requires_grad=True)
    weight = torch.ones(64, 64, 3, 3, dtype=dtype, requires_grad=True)
    start = time.perf_counter()
    torch.nn.functional.conv2d(images, weight, padding=1).sum().backward()
    return time.perf_counter() - start


@functools.cache
def _warn() -> None:
    from mmengine.logging import print_log

    if text := warning():
        print_log(text, logger='current', level=logging.WARNING)
