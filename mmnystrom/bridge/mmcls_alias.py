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
from collections.abc import MutableMapping
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from ._rebind import rebind

NAME = 'mmcls is called mmpretrain'
OLD, NEW = 'mmcls', 'mmpretrain'

#: Module of mmcls 1.0.0rc6 -> module of mmpretrain that has what was in it.
MOVED = {
    'apis.inference': 'apis.image_classification',
    'models.heads.base_head': 'models.heads.cls_head',
    'models.necks.reduction': 'models.necks.linear_neck',
    'structures.cls_data_sample': 'structures.data_sample',
    'visualization.cls_visualizer': 'visualization.visualizer',
}

#: (module of mmpretrain, name in mmcls 1.0.0rc6, where it is now: a name, or module:name)
RENAMED = (
    ('apis.image_classification', 'InputType', 'apis.base:InputType'),
    ('apis.image_classification', 'ModelType', 'apis.base:ModelType'),
    ('apis.image_classification', 'inference_model', 'apis.model:inference_model'),
    ('datasets', 'PackClsInputs', 'PackInputs'),
    ('datasets.transforms', 'PackClsInputs', 'PackInputs'),
    ('datasets.transforms', 'ToNumpy', 'PILToNumpy'),
    ('datasets.transforms', 'ToPIL', 'NumpyToPIL'),
    ('datasets.transforms.formatting', 'PackClsInputs', 'PackInputs'),
    ('datasets.transforms.formatting', 'ToNumpy', 'PILToNumpy'),
    ('datasets.transforms.formatting', 'ToPIL', 'NumpyToPIL'),
    ('models.backbones', 'BEiT', 'BEiTViT'),
    ('models.backbones.beit', 'BEiT', 'BEiTViT'),
    ('models.heads.cls_head', 'BaseHead', 'BaseModule'),  # an empty class between the two
    ('models.necks', 'LinearReduction', 'LinearNeck'),
    ('models.necks.linear_neck', 'LinearReduction', 'LinearNeck'),
    ('structures', 'ClsDataSample', 'DataSample'),
    ('structures.data_sample', 'ClsDataSample', 'DataSample'),
    ('visualization', 'ClsVisualizer', 'UniversalVisualizer'),
    ('visualization.visualizer', 'ClsVisualizer', 'UniversalVisualizer'),
)

#: (registry, name in mmcls 1.0.0rc6, name in mmpretrain), for types in a config.
RENAMED_TYPES = (
    ('TRANSFORMS', 'PackClsInputs', 'PackInputs'),
    ('MODELS', 'LinearReduction', 'LinearNeck'),
    ('VISUALIZERS', 'ClsVisualizer', 'UniversalVisualizer'),
)
#: The same where mmpretrain has given the old name to something else: only ``mmcls`` means the old one.
RETAKEN_TYPES = (('MODELS', 'BEiT', 'BEiTViT'),)

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
        module = importlib.import_module(f'{NEW}.{module_name}')
        if not hasattr(module, old):
            place, _, name = new.rpartition(':')
            source = importlib.import_module(f'{NEW}.{place}') if place else module
            setattr(module, old, getattr(source, name))
    _alias_configs()
    _alias_registries()


class _AliasFinder(MetaPathFinder):
    """Answers for ``mmcls`` and ``mmcls.*`` with the module of mmpretrain."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition('.')[0] != OLD:
            return None
        below = fullname[len(OLD) + 1 :]
        real_name = '.'.join(filter(None, (NEW, MOVED.get(below, below))))
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


class _Retaken(MutableMapping):
    """A table of mmpretrain's in which a few names mean what they meant in mmcls."""

    def __init__(self, table: dict, retaken: dict[str, str]) -> None:
        self.table = table
        self.retaken = retaken

    def __getitem__(self, name: str):
        return self.table[self.retaken.get(name, name)]

    def __setitem__(self, name: str, value) -> None:
        self.table[name] = value

    def __delitem__(self, name: str) -> None:
        del self.table[name]

    def __iter__(self):
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


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
    from mmpretrain.models import ClsDataPreprocessor
    from mmrazor.registry import MODELS as RAZOR_MODELS

    for variable, registry in vars(registries).items():
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
            retaken = {o: n for name, o, n in RETAKEN_TYPES if name == variable}
            alias._module_dict = _Retaken(registry.module_dict, retaken)
    for name, old, new in RENAMED_TYPES:
        registry = getattr(registries, name)
        registry.module_dict.setdefault(old, registry.get(new))
    # ImageClassifier asks for this type without a scope, under whatever scope is the default.
    RAZOR_MODELS.module_dict.setdefault('ClsDataPreprocessor', ClsDataPreprocessor)
