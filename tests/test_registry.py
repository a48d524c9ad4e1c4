"""The registries, and configs of users that inherit from this project's."""

import mmengine.registry
import mmpretrain.registry
import mmrazor.registry
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from support import CONFIGS, run_tool

from mmnystrom import plugin
from mmnystrom.plugin import Digits, LandmarkHook
from mmnystrom.registry import REGISTRIES

PAIR = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'


@pytest.fixture
def cfg(tmp_path):
    text = f"_base_ = 'mmnystrom::distill/mmpretrain/kda/kda_neck_{PAIR}.py'\n"
    text += "model = dict(teacher_ckpt=None)\nwork_dir = 'w'\n"
    text += 'train_dataloader = dict(batch_size=7, sampler=_base_.train_dataloader.sampler)\n'
    (tmp_path / 'mine.py').write_text(text)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    cfg.merge_from_dict(dict(work_dir=str(tmp_path), log_level='ERROR'))
    cfg.experiment_name = tmp_path.name
    return cfg


def test_inherits_and_builds(cfg):
    """Data sets, loops and hooks are found under the scope that mmengine gives such a base."""
    assert cfg.model.distiller.distill_losses.loss_kda.landmarks.num_landmarks == 10
    assert cfg.train_dataloader.batch_size == 7
    runner = Runner.from_cfg(cfg)
    assert isinstance(runner.train_dataloader.dataset, Digits)
    assert any(isinstance(hook, LandmarkHook) for hook in runner.hooks)
    batch = next(iter(runner.val_dataloader))
    assert runner.model.val_step(batch)[0].pred_score.shape == torch.Size([10])
    assert type(runner.val_loop).__name__ == 'SingleTeacherDistillValLoop'


def test_the_scope_by_itself():
    with DefaultScope.overwrite_default_scope('mmnystrom'):
        dataset = DATASETS.build(dict(type='Digits', pipeline=[dict(type='PackInputs')]))
    assert isinstance(dataset, Digits)
    assert dataset[0]['inputs'].shape == (3, 8, 8)


#: Name of mmengine's registry -> the classes of this package in it.
OURS = {
    name: [kind for kind in vars(plugin).values() if kind in registry.module_dict.maps[0].values()]
    for name, registry in REGISTRIES.items()
}


def test_every_class_of_the_plugin_is_in_a_registry():
    found = {kind.__name__ for kinds in OURS.values() for kind in kinds}
    assert found == set(plugin.__all__)
    assert {name for name, kinds in OURS.items() if kinds} == {'DATASETS', 'HOOKS', 'MODELS'}


@pytest.mark.parametrize('default', ['mmrazor', 'mmpretrain', 'mmcls', 'mmseg', 'mmnystrom'])
def test_every_class_is_found_bare_and_by_either_name_from_every_default_scope(default):
    for name, kinds in OURS.items():
        root = getattr(mmengine.registry, name)
        for kind in kinds:
            for prefix in ('', 'mmnystrom.', 'mmrazor.'):
                for registry in (root, *root.children.values()):
                    with (
                        DefaultScope.overwrite_default_scope(default),
                        registry.switch_scope_and_registry(None) as current,
                    ):
                        assert current.get(prefix + kind.__name__) is kind, (prefix, registry.scope)


def test_the_scope_finds_what_mmpretrain_and_mmrazor_have():
    with DefaultScope.overwrite_default_scope('mmnystrom'):
        for name, registry in REGISTRIES.items():
            for package in (mmrazor.registry, mmpretrain.registry):  # mmpretrain's come first
                theirs = getattr(package, name, None)
                if theirs is None or theirs.parent is None:
                    continue
                for key, kind in theirs.module_dict.items():
                    found = registry.get(key)
                    shared = package is mmrazor.registry and found is not kind
                    assert found is kind or (shared and found.__module__.startswith('mmpretrain')), key


BASES = sorted((CONFIGS / '_base_').rglob('*.py'))


@pytest.mark.parametrize('path', BASES, ids=lambda path: path.stem)
def test_every_base_can_be_inherited_by_the_name_of_the_package(tmp_path, path):
    name = path.relative_to(CONFIGS).as_posix()
    (tmp_path / 'mine.py').write_text(f"_base_ = 'mmnystrom::{name}'\n")
    mine, here = Config.fromfile(tmp_path / 'mine.py'), Config.fromfile(path)
    assert set(here) <= set(mine)


METHODS = [
    path
    for path in sorted(CONFIGS.glob(f'distill/mmpretrain/*/*_{PAIR}.py'))
    if '_base_/pairs' in path.read_text()  # the others inherit from one of these
]


@pytest.mark.parametrize('path', METHODS, ids=lambda path: path.stem.partition('_resnet')[0])
def test_a_pair_of_the_user_and_a_method_of_ours(tmp_path, path):
    """mmengine stamps our scope on the dicts of a base of ours: recorders, connectors, losses."""
    (tmp_path / 'pair.py').write_text(f"_base_ = '{CONFIGS}/_base_/pairs/{PAIR}.py'\n")
    text = path.read_text().replace(f'../../../_base_/pairs/{PAIR}.py', './pair.py')
    text = text.replace('../../../_base_/', 'mmnystrom::_base_/')
    (tmp_path / 'mine.py').write_text(f'{text}\nload_from = None\nmodel["teacher_ckpt"] = None\n')
    cfg = Config.fromfile(tmp_path / 'mine.py')
    assert './pair.py' in text and 'mmnystrom::_base_/distillers' in text
    cfg.merge_from_dict(dict(work_dir=str(tmp_path), log_level='ERROR'))
    cfg.experiment_name = path.stem
    runner = Runner.from_cfg(cfg)
    runner.call_hook('before_run')
    batch = next(iter(runner.train_dataloader))
    losses = runner.model(**runner.model.data_preprocessor(batch, True), mode='loss')
    assert any('distill' in name for name in losses)


def test_a_run_says_one_line_of_the_bridge_and_misses_nothing(tmp_path):
    """mmengine looks for a module ``registry`` in every package that is a scope."""
    (tmp_path / 'mine.py').write_text(
        f"_base_ = 'mmnystrom::distill/mmpretrain/kda/kda_neck_{PAIR}.py'\n"
        'model = dict(teacher_ckpt=None)\n'
    )
    result = run_tool('train.py', tmp_path / 'mine.py', '--cfg-options', 'train_cfg.max_epochs=1')
    output = result.stdout + result.stderr
    assert 'Epoch(train)' in output
    for words in ('not installed', 'Failed to import', 'MultiScaleDeformableAttention'):
        assert words not in output
    assert output.count('mmnystrom bridge:') == 1
