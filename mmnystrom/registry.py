"""The registries of this package, for ``type='mmnystrom.KDALoss'`` and ``_base_ = 'mmnystrom::...'``.

A class of this package is registered in mmengine's root, in mmrazor's and mmpretrain's registries and in
its own, so that its name is found bare and with each of these scopes, whatever the default scope is.

mmengine gives every dict of a base from a package the package as its scope. Bases here speak of
mmpretrain's classes and of mmrazor's, so the scope ``mmnystrom`` finds those of both, mmpretrain's first.
"""

from __future__ import annotations

import importlib
from collections import ChainMap

from . import bridge

bridge.install()  # says what is missing, if something is

import mmengine.registry as root  # noqa: E402
import mmpretrain.registry as pretrain  # noqa: E402
import mmrazor.registry as razor  # noqa: E402
from mmengine.config.utils import MODULE2PACKAGE  # noqa: E402
from mmengine.registry import Registry  # noqa: E402

SCOPE = 'mmnystrom'


class SharedRegistry(Registry):
    """A registry whose classes other registries have as well.

    Args:
        parent: mmengine's registry of the kind.
        shared: Registries of other packages, of the same kind.
    """

    def __init__(self, parent: Registry, shared: list[Registry]) -> None:
        locations = [place for registry in shared for place in registry._locations]
        builds = (registry.build_func for registry in shared if registry.scope == 'mmrazor')
        super().__init__(
            parent.name,
            build_func=next(builds, parent.build_func),
            parent=parent,
            scope=SCOPE,
            locations=['mmnystrom.plugin', *locations],
        )
        self._shared = shared
        self._module_dict = ChainMap({}, *(registry.module_dict for registry in shared))

    def _register_module(self, module, module_name=None, force=False) -> None:
        for registry in (super(), self.parent, *self._shared):
            registry._register_module(module, module_name, force)


def _children(package) -> dict[str, Registry]:
    """Name of mmengine's registry -> the package's own of the same kind."""
    found = [value for value in vars(package).values() if isinstance(value, Registry)]
    return {registry.parent.name: registry for registry in found if registry.parent is not None}


def _make() -> dict[str, SharedRegistry]:
    theirs = [_children(package) for package in (pretrain, razor)]
    return {
        name: SharedRegistry(parent, [kinds[parent.name] for kinds in theirs if parent.name in kinds])
        for name, parent in vars(root).items()
        if isinstance(parent, Registry) and parent.parent is None
    }


MODULE2PACKAGE.setdefault(SCOPE, SCOPE)
#: Name -> registry, of every kind that mmengine has. It finds them in its tree.
REGISTRIES = _make()
DATASETS = REGISTRIES['DATASETS']
HOOKS = REGISTRIES['HOOKS']
MODELS = REGISTRIES['MODELS']

importlib.import_module('mmnystrom.plugin')  # which registers itself, and has begun to if it is first
