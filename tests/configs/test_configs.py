"""Every shipped config builds and takes an optimisation step on images of its size."""

import re
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.fileio import load
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS
from mmpretrain.structures import DataSample
from support import CONFIGS, ROOT

from mmnystrom.plugin import KDALoss, LandmarkHook

FILES = sorted(
    path for folder in ('distill', 'vanilla') for path in (CONFIGS / folder).rglob('*.py')
)
NAMES = [path.stem for path in FILES]


def runner_of(path, tmp_path):
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(dict(work_dir=str(tmp_path), log_level='ERROR'))
    if 'teacher' in cfg.model:
        cfg.model.teacher_ckpt = None
    cfg.experiment_name = f'{path.stem}-{tmp_path.name}'
    runner = Runner.from_cfg(cfg)
    runner.model.init_weights()
    for hook in runner.hooks:
        if isinstance(hook, LandmarkHook):
            hook.before_run(runner)
    return runner


def batch(cfg, n=4):
    size = 8 if 'digits' in Path(cfg.filename).stem else 32
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 3, size, size), dtype=np.uint8)
    samples = [DataSample().set_gt_label(i) for i in range(n)]
    return dict(inputs=[torch.from_numpy(image) for image in images], data_samples=samples)


@pytest.mark.parametrize('path', FILES, ids=NAMES)
def test_takes_a_step(path, tmp_path):
    runner = runner_of(path, tmp_path)
    model, cfg = runner.model, runner.cfg
    optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    model.train()
    before = {key: value.clone() for key, value in model.named_parameters()}
    model.train_step(batch(cfg), optim_wrapper)
    losses = [module for module in model.modules() if isinstance(module, KDALoss)]
    assert bool(losses) == ('kda' in path.stem)
    for loss in losses:
        loss.landmarks.commit()
        assert loss.landmarks.seen.sum() == 4
        assert loss.landmarks.num_landmarks == (10 if 'digits' in path.stem else 100)
    logs = model.train_step(batch(cfg), optim_wrapper)
    assert all(torch.isfinite(value) for value in logs.values()), logs
    for key, value in logs.items():
        if key.startswith('distill.'):
            assert value > 0, key
    moved = {key for key, value in model.named_parameters() if not torch.equal(value, before[key])}
    assert moved
    assert not any(key.startswith('teacher.') for key in moved)


@pytest.mark.parametrize('path', FILES, ids=NAMES)
def test_name_says_what_it_is(path):
    """<method>_<location>_<teacher>_<student>_<schedule>_<data>, or <network>_<schedule>_<data>."""
    cfg = Config.fromfile(path)
    *networks, schedule, data = path.stem.split('_')
    gpus, batch_size, epochs = re.fullmatch(r'(\d+)xb(\d+)-(\d+)e', schedule).groups()
    assert gpus == '1'
    assert cfg.train_dataloader.batch_size == int(batch_size)
    assert cfg.train_cfg.max_epochs == int(epochs)
    assert cfg.param_scheduler[-1].end == int(epochs)
    assert data.split('-')[0] in ('digits', 'cifar100')
    if 'distill' in path.parts:
        method, location = networks[0], networks[1]
        assert path.parent.name == method
        sources = [r.source for r in cfg.model.distiller.teacher_recorders.values()]
        expected = [dict(neck='neck.gap', logits='head.fc')[part] for part in location.split('-')]
        assert sources == expected


@pytest.mark.parametrize('path', [p for p in FILES if 'distill' in p.parts], ids=lambda p: p.stem)
def test_the_teacher_is_where_its_own_config_leaves_it(path):
    """work_dirs/<config name>/epoch_<last>.pth, what tools/train.py makes of the teacher's config."""
    _, name, checkpoint = Path(Config.fromfile(path).model.teacher_ckpt).parts
    teacher = Config.fromfile(next(p for p in FILES if p.stem == name))
    assert checkpoint == f'epoch_{teacher.train_cfg.max_epochs}.pth'
    assert ('-folder' in name) == ('-folder' in path.stem)
    assert teacher.model.backbone == Config.fromfile(path).model.teacher.backbone


def test_the_authors_schedule():
    """paper.md: 120 epochs, batch 256, SGD .1/.9/5e-4, 5 epochs linear, cosine to 0, weight .04."""
    cfg = Config.fromfile(
        CONFIGS / 'distill/mmpretrain/kda/kda_neck_resnet34_resnet18_1xb256-120e_cifar100.py'
    )
    assert cfg.optim_wrapper.optimizer == dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4)
    warmup, cosine = cfg.param_scheduler
    assert (warmup.type, warmup.end) == ('LinearLR', 5)
    assert (cosine.type, cosine.T_max, cosine.eta_min) == ('CosineAnnealingLR', 115, 0)
    assert cfg.custom_hooks == [dict(type='LandmarkHook', warmup_epochs=5)]
    assert cfg.model.distiller.distill_losses.loss_kda.loss_weight == 0.04
    mean, std = cfg.model.data_preprocessor.mean, cfg.model.data_preprocessor.std
    np.testing.assert_allclose(np.array(mean) / 255, (0.5071, 0.4867, 0.4408), atol=1e-6)
    np.testing.assert_allclose(np.array(std) / 255, (0.2675, 0.2565, 0.2761), atol=1e-6)
    assert cfg.train_pipeline[:2] == [
        dict(type='RandomCrop', crop_size=32, padding=4),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    ]


@pytest.mark.parametrize('path', [p for p in FILES if p.stem.endswith('-folder')], ids=lambda p: p.stem)
def test_class_folders_give_the_network_the_same_image(path, tmp_path):
    """Files are read as BGR and CIFAR's arrays are RGB; the network must not see the difference."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for split in ('train', 'test'):
        for name in ('apple', 'bear'):
            mmcv.imwrite(rgb[..., ::-1], str(tmp_path / 'data' / split / name / 'image.png'))
    cfg = Config.fromfile(path)
    runner = runner_of(path, tmp_path)
    stock = runner_of(path.with_name(path.name.replace('-folder', '')), tmp_path)
    plain = dict(
        inputs=[torch.from_numpy(rgb.transpose(2, 0, 1).copy())],
        data_samples=[DataSample().set_gt_label(0)],
    )
    expected = stock.model.data_preprocessor(plain)['inputs']
    for loader in (cfg.val_dataloader, cfg.train_dataloader):
        dataset = loader.dataset
        dataset.data_root = str(tmp_path / 'data')
        dataset.pipeline = [t for t in dataset.pipeline if not t.type.startswith('Random')]
        built = DATASETS.build(dict(dataset, _scope_='mmpretrain'))
        assert built.CLASSES == ('apple', 'bear') or list(built.CLASSES) == ['apple', 'bear']
        assert [built.get_data_info(i)['gt_label'] for i in range(2)] == [0, 1]
        found = runner.model.data_preprocessor(pseudo_collate([built[0]]))['inputs']
        torch.testing.assert_close(found, expected)


def test_the_index_names_real_configs():
    index = load(ROOT / 'model-index.yml')
    for name in index['Import']:
        metafile = load(ROOT / name)
        assert metafile['Collections'][0]['Name']
        for model in metafile['Models']:
            assert (ROOT / model['Config']).is_file()
            assert 'Weights' not in model  # none are published
