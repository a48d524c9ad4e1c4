"""Break: several ranks cannot train without CUDA, whatever the backend.

Where: ``mmengine/dist/utils.py:130`` calls ``torch.cuda.set_device`` and configs say ``nccl``;
``mmengine/runner/runner.py:900`` passes ``device_ids=[LOCAL_RANK]``, which
DistributedDataParallel refuses for a module on the CPU. And a rank that is done can abort at its exit
("terminate called without an active exception", exit code -6, seen with torch 2.14 on a busy machine):
a thread of gloo, ``ProcessGroupGloo::runLoop``, lets go of the tensors of a collective after the
collective is done. A tensor that Python knows needs the interpreter's lock for that. Once the interpreter
shuts down, Python ends a thread that asks for the lock, and C++ aborts, since that thread is in a
destructor. ``destroy_process_group`` would join the threads, but the group lives on:
DistributedDataParallel holds it, and ``torch.distributed.nn.functional`` holds it in the defaults of its
functions if it is imported while there is a group. DistributedDataParallel imports it.
Cure: where there is no accelerator, ranks talk through gloo and are wrapped without device ids. That
module is imported before there is a group. Before the interpreter shuts down, the wrappers let go of the
group and it is destroyed, which joins its threads.
Can go: once mmengine asks ``mmengine.device`` in both places and closes the group that it opened, and
torch lets go of it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import sys
from unittest import mock

import torch

from ._rebind import rebind

NAME = 'several ranks on the CPU'


def is_broken() -> bool:
    """Whether this machine would train on its CPU."""
    from mmengine.device import get_device

    return get_device() == 'cpu'


def apply() -> None:
    """Wrap the start of the process group and of the data-parallel wrapper."""
    import mmengine.runner  # noqa: F401  (holds a copy of init_dist)
    from mmengine.dist import utils
    from mmengine.model import MMDistributedDataParallel

    rebind(utils.init_dist, _without_cuda(utils.init_dist), 'mmengine')
    MMDistributedDataParallel.__init__ = _without_device_ids(MMDistributedDataParallel.__init__)


def leave() -> None:
    """Wait for the other ranks and close the process group, if there is one on gloo."""
    if _on_gloo():
        torch.distributed.barrier()
        close_group()


def close_group() -> None:
    """Close a process group on gloo, and wait until its threads have ended.

    The group joins its threads when the last reference to it goes. A wrapper for several ranks holds one
    for as long as it lives, which may be until the end: it is made to let go.
    """
    if not _on_gloo():
        return
    gc.collect()
    for wrapper in [x for x in gc.get_objects() if _is_wrapper(x)]:
        for name in ('reducer', 'logger', 'process_group'):
            with contextlib.suppress(AttributeError):
                delattr(wrapper, name)
    torch.distributed.destroy_process_group()


def _on_gloo() -> bool:
    from torch import distributed

    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_backend() == 'gloo'
    )


def _is_wrapper(thing: object) -> bool:
    # By type: isinstance() would ask lazy objects and proxies for their class, and wake them.
    return issubclass(type(thing), torch.nn.parallel.DistributedDataParallel)


def _close_at_exit() -> None:
    # After an error the other ranks may be in the middle of a collective, and the exit code is set.
    if getattr(sys, 'last_type', None) is None:
        close_group()


def _without_cuda(init_dist):
    @functools.wraps(init_dist)
    def init(launcher, backend='nccl', *args, **kwargs):
        backend = 'gloo' if backend == 'nccl' else backend
        import torch.distributed.nn.functional  # noqa: F401  (before there is a group: see above)

        # The launchers differ only in the environment they read; all end in these calls.
        without = dict(set_device=lambda device: None, device_count=lambda: 1)
        with mock.patch.multiple(torch.cuda, **without):
            found = init_dist(launcher, backend, *args, **kwargs)
        atexit.register(_close_at_exit)
        return found

    return init


def _without_device_ids(original):
    @functools.wraps(original)
    def init(self, module, *args, **kwargs):
        if all(parameter.device.type == 'cpu' for parameter in module.parameters()):
            kwargs.update(device_ids=None, output_device=None)
        original(self, module, *args, **kwargs)

    return init
