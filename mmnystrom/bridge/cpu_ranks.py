"""Break: several ranks cannot train without CUDA, whatever the backend.

Where: ``mmengine/dist/utils.py:130`` calls ``torch.cuda.set_device`` and configs say ``nccl``;
``mmengine/runner/runner.py:900`` passes ``device_ids=[LOCAL_RANK]``, which
DistributedDataParallel refuses for a module on the CPU.
Cure: where there is no accelerator, ranks talk through gloo and are wrapped without device ids; at the
end of a script they leave together, since a gloo rank can abort when its peer's process is gone first.
Can go: once mmengine asks ``mmengine.device`` in both places.
"""

from __future__ import annotations

import functools
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
    from torch import distributed

    if (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_backend() == 'gloo'
    ):
        distributed.barrier()
        distributed.destroy_process_group()


def _without_cuda(init_dist):
    @functools.wraps(init_dist)
    def init(launcher, backend='nccl', *args, **kwargs):
        backend = 'gloo' if backend == 'nccl' else backend
        # The launchers differ only in the environment they read; all end in these calls.
        without = dict(set_device=lambda device: None, device_count=lambda: 1)
        with mock.patch.multiple(torch.cuda, **without):
            return init_dist(launcher, backend, *args, **kwargs)

    return init


def _without_device_ids(original):
    @functools.wraps(original)
    def init(self, module, *args, **kwargs):
        if all(parameter.device.type == 'cpu' for parameter in module.parameters()):
            kwargs.update(device_ids=None, output_device=None)
        original(self, module, *args, **kwargs)

    return init
