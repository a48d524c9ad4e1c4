"""KDA, the Nystrom kernel transfer of Qian, Li and Hu, for mmrazor.

``import mmnystrom`` is all a config needs: it turns the bridge on and registers the plugin. Where
mmengine is not installed nobody runs a config; :mod:`mmnystrom.core` then works on bare torch.
"""

import importlib.util

from . import bridge
from .version import __version__

__all__ = ['__version__', 'bridge']

if importlib.util.find_spec('mmengine') is not None:
    bridge.install()

    from . import plugin as plugin  # mmrazor can be imported only once the bridge is on

    __all__ += ['plugin']
