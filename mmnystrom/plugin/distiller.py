"""Where the losses of a distillation sit, and what enters them."""

from __future__ import annotations

from mmengine.model import is_model_wrapper
from torch import nn

from .losses import KDALoss


def unwrap(module):
    """The module behind a wrapper for several ranks, or the module itself."""
    return module.module if is_model_wrapper(module) else module


def find_distiller(model: nn.Module):
    """The distiller of a distillation model, or None.

    MMSeparateDistributedDataParallel wraps the parts of the model one by one.
    """
    return unwrap(getattr(unwrap(model), 'distiller', None))


def kda_losses(model: nn.Module) -> dict[str, tuple[KDALoss, dict]]:
    """Every KDALoss of a model, with its entry of ``loss_forward_mappings``, by its name there."""
    mappings = getattr(find_distiller(model), 'loss_forward_mappings', {})
    found = {}
    for path, module in unwrap(model).named_modules():
        if isinstance(module, KDALoss):
            name = path.rpartition('.')[2]
            found[name] = module, mappings.get(name, {})
    return found
