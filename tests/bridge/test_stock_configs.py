"""Stock configs of mmrazor, untouched, take an optimisation step through the bridge."""

from pathlib import Path

import mmrazor
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, MODEL_WRAPPERS, DefaultScope
from mmrazor.registry import MODELS
from mmrazor.utils import register_all_modules
from torch import distributed

STOCK = Path(mmrazor.__file__).parent / '.mim' / 'configs' / 'distill' / 'mmcls'
CONFIGS = [
    'kd/kd_logits_resnet34_resnet18_8xb32_in1k.py',
    'kd/kd_logits_resnet50_mobilenet-v2_8xb32_in1k.py',
    'kd/kd_logits_resnet50_shufflenet-v2-1x_16xb64_in1k.py',
    'rkd/rkd_neck_resnet34_resnet18_8xb32_in1k.py',
    'dist/dist_logits_resnet34_resnet18_8xb32_in1k.py',
    'dkd/dkd_resnet34_resnet18_8xb32_in1k.py',
    'fitnets/fitnets_backbone_logits_resnet50_resnet18_8xb32_in1k.py',
    'wsld/wsld_logits_resnet34_resnet18_8xb32_in1k.py',
    'abloss/abloss_logits_resnet50_resnet18_8xb32_in1k.py',
    'abloss/abloss_pretrain_backbone_resnet50_resnet18_8xb32_in1k.py',
    'crd/crd_neck_r50_r18_8xb16_cifar10.py',
    'ofd/ofd_backbone_resnet50_resnet18_8xb16_cifar10.py',
    'factor_transfer/factor-transfer_backbone_resnet50_resnet18_8xb16_cifar10_pretrain.py',
    'factor_transfer/factor-transfer_backbone_resnet50_resnet18_8xb16_cifar10_train.py',
    'byot/byot_resnet18_8xb16_cifar100.py',
    'deit/deit-base_regnety160_pt-16xb64_in1k.py',
    'dafl/dafl_logits_resnet34_resnet18_8xb256_cifar10.py',
    'dfad/dfad_logits_resnet34_resnet18_8xb32_cifar10.py',
    'zskt/zskt_backbone_logits_resnet34_resnet18_8xb16_cifar10.py',
]
#: No config of a run: the data set of one.
PARTS = ['crd/datasets/crd_cifar10_bs16.py']


def offline(cfg):
    """The config without what it would download: the weights of teacher and student."""
    model = cfg.model
    for key in ('teacher_ckpt', 'init_cfg'):
        model.pop(key, None)
    for network in ('teacher', 'architecture'):
        if 'pretrained' in model.get(network, {}):
            model[network]['pretrained'] = False
    for teacher in model.get('teachers', {}).values():
        teacher.pop('ckpt_path')
        teacher['build_cfg']['pretrained'] = False
    if 'deit' in cfg.filename:
        model.teacher.backbone.pretrained = False
        model.teacher.head.pop('init_cfg')
    return cfg


def build(name):
    register_all_modules(False)
    cfg = offline(Config.fromfile(STOCK / name))
    DefaultScope.get_instance(f'stock-{name}', scope_name=cfg.default_scope)
    torch.manual_seed(0)
    if 'data_preprocessor' in cfg:  # as the runner does
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return cfg, model


def batch(cfg, num_samples=4, num_classes=10):
    """A batch of noise as the data loader gives it; for CRD, through its own data set."""
    from mmpretrain.structures import DataSample

    size = 32 if 'cifar' in cfg.filename else 224 if 'deit' in cfg.filename else 64
    rng = np.random.default_rng(0)
    if 'crd' in cfg.filename:
        dataset = cfg.train_dataloader.dataset
        resize = dict(_scope_='mmcls', type='Resize', scale=size)
        # Unequal classes: what numpy >= 1.24 breaks.
        dataset.dataset = dict(
            _scope_='mmcls',
            type='Digits',
            indices=101,
            pipeline=[resize, *dataset.dataset.pipeline],
        )
        dataset = DATASETS.build(dataset)
        items = [dataset[i] for i in range(num_samples)]
        return {key: [item[key] for item in items] for key in items[0]}
    images = rng.integers(0, 256, (num_samples, 3, size, size), dtype=np.uint8)
    samples = [DataSample().set_gt_label(i % num_classes) for i in range(num_samples)]
    return dict(inputs=[torch.from_numpy(image) for image in images], data_samples=samples)


@pytest.fixture
def one_rank(tmp_path):
    """A process group of one, which a data-free distillation is wrapped for."""
    store = f'file://{tmp_path / "store"}'
    distributed.init_process_group('gloo', init_method=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def test_none_is_left_out():
    assert sorted(str(path.relative_to(STOCK)) for path in STOCK.rglob('*.py')) == sorted(CONFIGS + PARTS)


@pytest.mark.parametrize('name', CONFIGS, ids=lambda name: Path(name).stem)
def test_takes_a_step(name, request):
    if 'deit' in name:
        pytest.importorskip('timm')  # the teacher is timm's RegNetY
    cfg, model = build(name)
    wrapper = cfg.get('model_wrapper_cfg')
    if wrapper:  # its own optimizers, for student and generator, and a wrapper around both
        request.getfixturevalue('one_rank')
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        model = MODEL_WRAPPERS.build(dict(wrapper, module=model))
    else:  # mmengine's own default constructor finds the trainable parameters
        optim_wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='SGD', lr=1e-3)))
    model.train()
    before = {key: value.clone() for key, value in model.named_parameters()}
    logs = model.train_step(batch(cfg), optim_wrapper)
    assert logs
    assert all(torch.isfinite(torch.as_tensor(value)).all() for value in logs.values()), logs
    moved = {key for key, value in model.named_parameters() if not torch.equal(value, before[key])}
    assert moved
    assert not any(key.startswith(('teacher.', 'module.teachers.')) for key in moved)
