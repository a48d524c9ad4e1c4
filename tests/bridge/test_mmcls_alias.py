"""mmcls is mmpretrain: for imports, configs and registries."""

import importlib
import pickle

import mmpretrain
import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample


def test_modules_are_the_same_objects():
    import mmcls
    import mmcls.models.backbones.resnet as alias

    real = importlib.import_module('mmpretrain.models.backbones.resnet')
    assert mmcls is mmpretrain
    assert alias is real
    assert real.__spec__.name == real.__name__ == 'mmpretrain.models.backbones.resnet'
    assert pickle.loads(pickle.dumps(alias.ResNet)) is real.ResNet


def test_a_missing_submodule_is_reported_under_the_name_asked_for():
    with pytest.raises(ModuleNotFoundError, match=r'mmcls\.nothing'):
        importlib.import_module('mmcls.nothing')


def test_renamed_classes():
    from mmcls.datasets.transforms.formatting import PackClsInputs, to_tensor  # noqa: F401
    from mmcls.structures import ClsDataSample
    from mmpretrain.datasets import PackInputs

    assert ClsDataSample is DataSample
    assert PackClsInputs is PackInputs


def test_configs_of_mmcls_are_those_of_mmpretrain(tmp_path):
    for package in ('mmcls', 'mmpretrain'):
        (tmp_path / f'{package}.py').write_text(f"_base_ = '{package}::resnet/resnet18_8xb32_in1k.py'")
    old, new = (Config.fromfile(tmp_path / f'{name}.py') for name in ('mmcls', 'mmpretrain'))
    assert old.model.backbone.depth == new.model.backbone.depth == 18
    # mmengine marks what comes from another package with that package's scope.
    assert old.model._scope_ == 'mmcls'


def test_scope_builds_from_mmpretrains_tables():
    model = MODELS.build(dict(type='mmcls.ResNet_CIFAR', depth=18))
    assert type(model) is mmpretrain.models.ResNet_CIFAR
    with DefaultScope.overwrite_default_scope('mmcls'):
        assert type(MODELS.build(dict(type='GlobalAveragePooling'))) is (
            mmpretrain.models.GlobalAveragePooling
        )


def test_a_class_registered_later_is_found_under_both_scopes():
    from mmpretrain.registry import TRANSFORMS

    @TRANSFORMS.register_module()
    class RegisteredLater:
        pass

    try:
        assert TRANSFORMS.get('mmcls.RegisteredLater') is RegisteredLater
    finally:
        del TRANSFORMS.module_dict['RegisteredLater']


def test_no_placeholder_is_left_in_mmrazor():
    from mmrazor.utils import register_all_modules

    from mmnystrom.bridge.install import _bound_before_the_bridge

    register_all_modules(False)
    assert _bound_before_the_bridge() == []
