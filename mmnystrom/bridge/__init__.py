"""Everything that makes stock mmrazor 1.0.0 run on today's torch and with mmpretrain.

One file a break; each says what breaks, where, and when it can go. The one door is :func:`install`.
When upstream is mended, delete this folder and the line of ``mmnystrom/__init__.py`` that opens it.
"""

from .install import install, watch_imports
from .run import run_script, run_tool

__all__ = ['install', 'run_script', 'run_tool', 'watch_imports']
