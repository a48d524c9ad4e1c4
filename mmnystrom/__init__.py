"""KDA, the Nystrom kernel transfer of Qian, Li and Hu, for mmrazor.

``import mmnystrom`` is all a config needs: it turns the bridge on and registers the plugin.
"""

from . import bridge

bridge.install()

from . import plugin  # noqa: E402  (mmrazor can be imported only once the bridge is on)
from .version import __version__  # noqa: E402

__all__ = ['__version__', 'bridge', 'plugin']
