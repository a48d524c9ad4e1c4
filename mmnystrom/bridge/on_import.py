"""Install the bridge right before OpenMMLab is first imported, and not before.

``import mmnystrom.core`` imports the package too, and has no use for mmengine, which takes seconds. So
``import mmnystrom`` only watches for the first import of a package of OpenMMLab's.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

WATCHED = ('mmengine', 'mmcv', 'mmcls', 'mmpretrain', 'mmrazor')

_finder: _Finder | None = None
_then: Callable[[], object] | None = None


def arm(install: Callable[[], object], then: Callable[[], object]) -> None:
    """Call ``install`` when a watched package is imported; at once if one is there already.

    Args:
        install: :func:`mmnystrom.bridge.install`, which calls :func:`disarm` and :func:`finish`.
        then: What :func:`finish` calls.
    """
    global _finder, _then
    _then = then
    if any(sys.modules.get(name) is not None for name in WATCHED):
        install()
        return
    _finder = _Finder(install)
    sys.meta_path.insert(0, _finder)


def disarm() -> None:
    """Watch no longer."""
    global _finder
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    _finder = None


def finish() -> None:
    """Call what :func:`arm` was given, once."""
    global _then
    then, _then = _then, None
    if then is not None:
        then()


class _Finder(MetaPathFinder):
    def __init__(self, install: Callable[[], object]) -> None:
        self.install = install

    def find_spec(self, fullname, path=None, target=None):
        # Whoever only asks whether the package is there must not set anything off: the loader does.
        if fullname not in WATCHED:
            return None
        real = PathFinder.find_spec(fullname)
        if real is None:
            if fullname == 'mmcls':  # there is none: the bridge makes it another name of mmpretrain
                self.install()
                return importlib.util.find_spec(fullname)
            return None
        spec = ModuleSpec(fullname, _Loader(fullname, self.install), origin=real.origin)
        spec.submodule_search_locations = real.submodule_search_locations
        return spec


class _Loader(Loader):
    def __init__(self, name: str, install: Callable[[], object]) -> None:
        self.name = name
        self.install = install
        self.own: tuple = ()

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """The package, which the bridge has imported; itself, where the bridge cannot be."""
        try:
            self.install()
        except ImportError:  # who wants mmengine without mmrazor gets it
            disarm()
        __import__(self.name)
        module = sys.modules[self.name]  # an unusable mmcls has become mmpretrain
        self.own = module.__spec__, module.__loader__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has overwritten these, and pickle and reload go by them.
        module.__spec__, module.__loader__ = self.own
