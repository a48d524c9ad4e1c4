"""KDA, the Nystrom kernel transfer of Qian, Li and Hu, for mmrazor and for plain torch.

``import mmnystrom`` is all a config needs: as soon as a package of OpenMMLab's is imported, or at once if
one is, it turns the bridge on and registers the plugin. :mod:`mmnystrom.core` is the method on bare torch
and needs, and imports, none of them.
"""

import importlib

from . import bridge
from .version import __version__

#: Name -> the module that has it. They are imported when they are asked for.
_LAZY = {
    'KDALoss': 'mmnystrom.plugin',
    'KernelTransferLoss': 'mmnystrom.core',
    'core': 'mmnystrom.core',
    'plugin': 'mmnystrom.plugin',
}

__all__ = ['KDALoss', 'KernelTransferLoss', '__version__', 'bridge', 'core', 'plugin']  # noqa: F822

bridge.watch_imports(lambda: importlib.import_module('mmnystrom.registry'))


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    module = importlib.import_module(_LAZY[name])
    return module if _LAZY[name] == f'{__name__}.{name}' else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
