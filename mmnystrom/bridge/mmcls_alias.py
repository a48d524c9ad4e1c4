"""Break: mmrazor speaks of mmcls, which was renamed mmpretrain (mmrazor issues 534, 546, 596, 659).

Where: some twenty ``from mmcls...`` imports bind placeholders at import time, and every config under
``.mim/configs/distill/mmcls`` says ``mmcls::...`` and ``mmcls.X``. mmengine's hub then runs
``pip install mmcls``, which is no way out: 1.0.0rc6 asserts mmcv < 2.1 and 0.25 mmcv 1.x.
Cure: an import alias ``mmcls[.x] -> mmpretrain[.x]``, the renamed classes and the one renamed config
that mmrazor inherits from under their old names, and a registry scope ``mmcls`` that shares
mmpretrain's tables.
Can go: once mmrazor imports mmpretrain.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from ._rebind import rebind

NAME = 'mmcls is called mmpretrain'
OLD, NEW = 'mmcls', 'mmpretrain'

#: (module of mmpretrain, old name, new name)
RENAMED = (
    ('mmpretrain.structures', 'ClsDataSample', 'DataSample'),
    ('mmpretrain.datasets', 'PackClsInputs', 'PackInputs'),
    ('mmpretrain.datasets.transforms', 'PackClsInputs', 'PackInputs'),
    ('mmpretrain.datasets.transforms.formatting', 'PackClsInputs', 'PackInputs'),
)

#: Configs that mmrazor inherits from, as mmpretrain calls them.
RENAMED_CONFIGS = {'deit/deit-base_pt-16xb64_in1k.py': 'deit/deit-base_16xb64_in1k.py'}


def is_broken() -> bool:
    """Whether ``mmcls`` is missing, or installed but not the mmcls that mmrazor was written for."""
    if importlib.util.find_spec(OLD) is not None:
        try:
            from mmcls.structures import ClsDataSample  # noqa: F401
        except Exception:  # an mmcls that asserts, lacks mmcv.ops, ...: all the same to mmrazor
            for name in [n for n in sys.modules if n.partition('.')[0] == OLD]:
                del sys.modules[name]
            return True
        return False
    return True


def apply() -> None:
    """Make ``mmcls`` another name of mmpretrain, for imports, configs and registries."""
    sys.meta_path.insert(0, _AliasFinder())
    for module_name, old, new in RENAMED:
        module = importlib.import_module(module_name)
        if not hasattr(module, old):
            setattr(module, old, getattr(module, new))
    _alias_configs()
    _alias_registries()


class _AliasFinder(MetaPathFinder):
    """Answers for ``mmcls`` and ``mmcls.*`` with the module of mmpretrain."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition('.')[0] != OLD:
            return None
        real_name = NEW + fullname[len(OLD) :]
        real = importlib.util.find_spec(real_name)
        if real is None:
            return None
        spec = ModuleSpec(fullname, _AliasLoader(real_name), origin=real.origin)
        spec.submodule_search_locations = real.submodule_search_locations
        return spec


class _AliasLoader(Loader):
    def __init__(self, real_name: str) -> None:
        self.real_name = real_name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.real_name)
        # The import system is about to overwrite it, and pickle and reload go by it.
        self.real_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.real_spec


def _alias_configs() -> None:
    # Both `_base_ = 'mmcls::...'` and `cfg_path='mmcls::...'` look the package up here, before a
    # real but unusable mmcls (whose configs are those of another major version) could be found.
    from mmengine.config import utils

    utils.MODULE2PACKAGE[OLD] = NEW
    find = utils._get_external_cfg_base_path

    @functools.wraps(find)
    def find_renamed(package_path, cfg_name):
        try:
            return find(package_path, cfg_name)
        except FileNotFoundError:
            if Path(package_path).name != NEW or cfg_name not in RENAMED_CONFIGS:
                raise
        return find(package_path, RENAMED_CONFIGS[cfg_name])

    rebind(find, find_renamed, 'mmengine')


def _alias_registries() -> None:
    import mmpretrain.registry as registries
    from mmengine.registry import Registry
    from mmpretrain.datasets import PackInputs
    from mmpretrain.models import ClsDataPreprocessor
    from mmrazor.registry import MODELS as RAZOR_MODELS

    for registry in vars(registries).values():
        if not isinstance(registry, Registry) or registry.scope != NEW or registry.parent is None:
            continue
        if OLD not in registry.parent.children:
            alias = Registry(
                registry.name,
                build_func=registry.build_func,
                parent=registry.parent,
                scope=OLD,
                locations=registry._locations,
            )
            alias._module_dict = registry.module_dict
    registries.TRANSFORMS.module_dict.setdefault('PackClsInputs', PackInputs)
    # ImageClassifier asks for this type without a scope, under whatever scope is the default.
    RAZOR_MODELS.module_dict.setdefault('ClsDataPreprocessor', ClsDataPreprocessor)
