"""Let a config inherit from this project's: ``_base_ = 'mmnystrom::distill/...py'``."""

from __future__ import annotations

import mmpretrain.registry as registries
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry

SCOPE = 'mmnystrom'


def register_scope() -> None:
    """Make ``mmnystrom::`` a package for mmengine, and ``mmnystrom`` a scope of its registries.

    mmengine gives every dict of a base from a package the package as its scope. Types without a scope
    of their own are mmpretrain's in this project's configs, so the scope shares mmpretrain's tables.
    """
    MODULE2PACKAGE.setdefault(SCOPE, SCOPE)
    for registry in list(vars(registries).values()):
        if not isinstance(registry, Registry) or registry.parent is None:
            continue
        if SCOPE not in registry.parent.children:
            shared = Registry(
                registry.name,
                build_func=registry.build_func,
                parent=registry.parent,
                scope=SCOPE,
                locations=registry._locations,
            )
            shared._module_dict = registry.module_dict
