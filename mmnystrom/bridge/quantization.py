"""Break: on torch >= 2.0 ``mmrazor.models``, ``.engine`` and ``.structures`` die at import.

Where: ``mmrazor/structures/quantization/backend_config/common_operator_config_utils.py:54`` builds
its tables at import, from torch internals that are gone ("`torch>=1.13` is not installed properly";
mmrazor issues 615, 632, 652). Nothing in knowledge distillation reads these tables.
Cure: the package is replaced, before it is imported, by a stand-in whose use says what is missing.
Can go: once a released mmrazor gates the tables, as its git main does.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType

NAME = "quantization tables need torch 1.13's internals"
PACKAGE = 'mmrazor.structures.quantization.backend_config'
BACKENDS = ('academic', 'native', 'tensorrt', 'openvino')


def is_broken() -> bool:
    """Whether the tables fail to build with the installed torch."""
    try:
        importlib.import_module(PACKAGE)
    except (ImportError, AttributeError):
        return True
    return False


def apply() -> None:
    """Put the stand-in where the import system will look."""
    stand_in = ModuleType(PACKAGE, __doc__)
    stand_in.__path__ = []
    stand_in.BackendConfigs = _NoTables()
    for backend in BACKENDS:
        for suffix in ('', '_dict'):
            name = f'get_{backend}_backend_config{suffix}'
            setattr(stand_in, name, _no_table(backend))
    stand_in.__all__ = [name for name in vars(stand_in) if not name.startswith('_')]
    sys.modules[PACKAGE] = stand_in


def _no_table(backend: str):
    def raise_unavailable(*args, **kwargs):
        import torch

        raise NotImplementedError(
            f"mmrazor's {backend!r} quantization table cannot be built with torch "
            f'{torch.__version__}: it is made of internals of torch 1.13. Quantize with torch 1.13; '
            'distillation, pruning and architecture search do not need it.'
        )

    return raise_unavailable


class _NoTables(Mapping):
    """``BackendConfigs`` with the names of the backends but nothing behind them."""

    def __getitem__(self, backend):
        if backend not in BACKENDS:
            raise KeyError(backend)
        return _no_table(backend)()

    def __iter__(self):
        return iter(BACKENDS)

    def __len__(self):
        return len(BACKENDS)
