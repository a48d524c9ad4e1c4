"""Break: ``--amp`` stops on a CPU, where mixed precision works.

Where: ``mmengine/optim/optimizer/amp_optimizer_wrapper.py:77`` asserts an accelerator, although
``mmengine.runner.autocast``, which the wrapper uses, knows the CPU and its bfloat16.
Cure: on a CPU the wrapper is built, computes in bfloat16, and has a loss scaler that is off: bfloat16
has the range of float32. float16 is refused in a sentence, and a CPU that has no instructions for
bfloat16 is warned of, once, as it would be slower than float32.
Can go: once mmengine builds the wrapper on a CPU.
"""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from unittest import mock

NAME = '--amp on the CPU'
#: What Linux calls the instructions: of x86 (Intel, AMD), of Intel's matrix unit, of ARM.
BF16_FLAGS = ('avx512_bf16', 'amx_bf16', 'bf16')
#: Said of a CPU that has none of them.
SLOW = (
    'This CPU has no instructions for bfloat16, so that mixed precision may be slower than float32: '
    'leave --amp out, unless it is the memory that you want to save.'
)


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
        if not has_fast_bf16():
            _warn()
        module = 'mmengine.optim.optimizer.amp_optimizer_wrapper'
        with mock.patch(f'{module}.is_cuda_available', lambda: True):
            original(self, dict(enabled=False), dtype or 'bfloat16', use_fsdp, **kwargs)

    return init


@functools.cache
def has_fast_bf16(cpuinfo: Path = Path('/proc/cpuinfo')) -> bool:
    """Whether the CPU has instructions for bfloat16; True where that is not known."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return True
    rows = [line for line in text.splitlines() if line.lower().startswith(('flags', 'features'))]
    return not rows or any(flag in rows[0].split() for flag in BF16_FLAGS)


@functools.cache
def _warn() -> None:
    from mmengine.logging import print_log

    print_log(SLOW, logger='current', level=logging.WARNING)
