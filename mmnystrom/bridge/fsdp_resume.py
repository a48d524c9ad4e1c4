"""Break: a run under FSDP cannot be resumed on torch 2.1 and later.

Where: ``mmengine/_strategy/fsdp.py`` calls ``FSDP.optim_state_dict_to_load`` with the state, the model
and the optimizer, in the order of torch 2.0. Today it is model, optimizer, state, and the resume ends in
``unhashable type: 'dict'``.
Cure: the same call with the names of the arguments.
Can go: once mmengine names them.
"""

from __future__ import annotations

import inspect

NAME = 'FSDP cannot be resumed'


def is_broken() -> bool:
    """Whether torch takes the model first."""
    try:
        from torch.distributed.fsdp import FullyShardedDataParallel
    except ImportError:  # a torch without torch.distributed
        return False
    load = getattr(FullyShardedDataParallel, 'optim_state_dict_to_load', None)
    return load is not None and next(iter(inspect.signature(load).parameters)) == 'model'


def apply() -> None:
    """Replace the strategy's method."""
    from mmengine._strategy.fsdp import FSDPStrategy

    FSDPStrategy.load_optim_state_dict = load_optim_state_dict


def load_optim_state_dict(self, state_dict: dict) -> None:
    """Load the optimizer's state, full or sharded."""
    from torch.distributed.fsdp import FullyShardedDataParallel

    optimizer = self.optim_wrapper.optimizer
    state_dict = FullyShardedDataParallel.optim_state_dict_to_load(
        model=self.model, optim=optimizer, optim_state_dict=state_dict
    )
    self.optim_wrapper.load_state_dict(state_dict)
