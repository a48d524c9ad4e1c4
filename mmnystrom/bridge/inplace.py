"""Break: on new torch no in-place activation is switched off, and recorded features are wrong.

Where: ``mmrazor/models/algorithms/base.py:205`` walks ``nn.Module._modules`` only where it is an
``OrderedDict``; on new torch it is a plain ``dict``, so the walk ends at once without a word, and
what a recorder keeps of a BatchNorm is overwritten by the ReLU behind it.
Cure: walk ``modules()``.
Can go: once mmrazor does.
"""

from __future__ import annotations

from collections import OrderedDict

NAME = 'in-place activations overwrite recorded features'


def is_broken() -> bool:
    """Whether the host's walk would stop at the first level."""
    from torch import nn

    return not isinstance(nn.Module()._modules, OrderedDict)


def apply() -> None:
    """Replace the walk."""
    from mmrazor.models.algorithms.base import BaseAlgorithm

    BaseAlgorithm.set_module_inplace_false = set_module_inplace_false


def set_module_inplace_false(self, architecture, varstr: str = '') -> None:
    """Switch off ``inplace`` in every submodule of ``architecture`` (``varstr`` is not needed)."""
    for module in architecture.modules():
        if hasattr(module, 'inplace'):
            module.inplace = False
