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


#: Every public name of mmcls 1.0.0rc6 that mmpretrain 1.2 has under another name or in another module
#: (found by comparing all modules of the two wheels). Module of mmcls -> name -> where it is now.
MOVED = {
    'apis.inference': {
        'ImageClassificationInferencer': 'apis:ImageClassificationInferencer',
        'InputType': 'apis.base:InputType',
        'ModelType': 'apis.base:ModelType',
        'inference_model': 'apis:inference_model',
    },
    'datasets': {'PackClsInputs': 'datasets:PackInputs'},
    'datasets.transforms': {
        'PackClsInputs': 'datasets:PackInputs',
        'ToNumpy': 'datasets.transforms:PILToNumpy',
        'ToPIL': 'datasets.transforms:NumpyToPIL',
    },
    'datasets.transforms.formatting': {
        'PackClsInputs': 'datasets:PackInputs',
        'ToNumpy': 'datasets.transforms:PILToNumpy',
        'ToPIL': 'datasets.transforms:NumpyToPIL',
    },
    'models.backbones': {'BEiT': 'models.backbones:BEiTViT'},
    'models.backbones.beit': {'BEiT': 'models.backbones:BEiTViT'},
    'models.heads.base_head': {'BaseHead': 'models.heads.cls_head:BaseModule'},
    'models.necks': {'LinearReduction': 'models.necks:LinearNeck'},
    'models.necks.reduction': {'LinearReduction': 'models.necks:LinearNeck'},
    'structures': {'ClsDataSample': 'structures:DataSample'},
    'structures.cls_data_sample': {
        'ClsDataSample': 'structures:DataSample',
        'format_label': 'structures.utils:format_label',
        'format_score': 'structures.utils:format_score',
    },
    'visualization': {'ClsVisualizer': 'visualization:UniversalVisualizer'},
    'visualization.cls_visualizer': {'ClsVisualizer': 'visualization:UniversalVisualizer'},
}
#: Public names that mmpretrain has removed, with nothing in their place.
REMOVED = {
    'evaluation.metrics': 'CorruptionError',
    'structures': 'stack_batch_scores',
    'structures.utils': 'stack_batch_scores',
}


@pytest.mark.parametrize('module', MOVED)
def test_every_name_that_was_renamed_or_moved(module):
    for name, place in MOVED[module].items():
        new_module, new = place.split(':')
        found = getattr(importlib.import_module(f'mmcls.{module}'), name)
        assert found is getattr(importlib.import_module(f'mmpretrain.{new_module}'), new), name


@pytest.mark.parametrize('module', REMOVED)
def test_what_was_removed_is_an_error(module):
    assert not hasattr(importlib.import_module(f'mmcls.{module}'), REMOVED[module])


@pytest.mark.parametrize(
    ('registry', 'old', 'new'),
    [
        ('TRANSFORMS', 'PackClsInputs', 'PackInputs'),
        ('TRANSFORMS', 'ToPIL', 'NumpyToPIL'),
        ('TRANSFORMS', 'ToNumpy', 'PILToNumpy'),
        ('MODELS', 'LinearReduction', 'LinearNeck'),
        ('MODELS', 'BEiT', 'BEiTViT'),
        ('VISUALIZERS', 'ClsVisualizer', 'UniversalVisualizer'),
    ],
)
def test_types_of_configs_that_were_renamed(registry, old, new):
    import mmengine.registry as roots

    root = getattr(roots, registry)
    expected = root.get(f'mmpretrain.{new}')
    assert root.get(f'mmcls.{old}') is expected
    with DefaultScope.overwrite_default_scope('mmcls'):
        assert root.switch_scope_and_registry(None).__enter__().get(old) is expected


def test_a_name_that_mmpretrain_gave_to_something_else_keeps_its_meaning_there():
    from mmpretrain.models.selfsup.beit import BEiT

    assert MODELS.get('mmpretrain.BEiT') is BEiT


def test_a_visualizer_of_mmcls_in_a_config():
    from mmengine.registry import VISUALIZERS

    with DefaultScope.overwrite_default_scope('mmcls'):
        built = VISUALIZERS.build(dict(type='ClsVisualizer', name='of-mmcls'))
    assert type(built).__name__ == 'UniversalVisualizer'


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
