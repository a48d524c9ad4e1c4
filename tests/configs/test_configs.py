"""Every shipped config builds and takes an optimisation step on images of its size."""

import copy
import functools
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
from support import CONFIGS, ROOT, unformatted

from mmnystrom.plugin import KDALoss, LandmarkHook

#: `pytest -m "not configs"` leaves these out: they are a third of all tests.
pytestmark = pytest.mark.configs

FILES = sorted(path for folder in ('distill', 'vanilla') for path in (CONFIGS / folder).rglob('*.py'))
NAMES = [path.stem for path in FILES]


#: Pixels a side, and classes, by the last part of a config's name.
DATA = {
    'digits': (8, 10),
    'cifar10': (32, 10),
    'cifar100': (32, 100),
    'cifar100-20': (32, 20),
    'tiny-imagenet': (64, 200),
    'in1k': (224, 1000),
}


#: Images in a batch: three have angles between them, which RKD compares.
SAMPLES = 3


def data_of(path):
    return DATA[path.stem.rpartition('_')[2].removesuffix('-folder')]


@functools.cache
def parsed(path):
    return Config.fromfile(path)


def runner_of(path, tmp_path):
    cfg = copy.deepcopy(parsed(path))
    cfg.merge_from_dict(dict(work_dir=str(tmp_path), log_level='ERROR'))
    if 'teacher' in cfg.model:
        cfg.model.teacher_ckpt = None
    cfg.model.pop('init_cfg', None)  # what the first of two stages leaves
    cfg.experiment_name = f'{path.stem}-{tmp_path.name}'
    with unformatted():
        runner = Runner.from_cfg(cfg)
    for hook in runner.hooks:
        if isinstance(hook, LandmarkHook):
            hook.before_run(runner)
    return runner


def batch(path, cfg):
    """Noise as large as the images; for CRD with the numbers of images to contrast with."""
    rng = np.random.default_rng(0)
    n, size = SAMPLES, data_of(path)[0]
    if 'in1k' in path.stem and 'deit' not in path.stem:
        size = 96  # these networks take any size, and a smaller one is quicker
    images = rng.integers(0, 256, (n, 3, size, size), dtype=np.uint8)
    samples = [DataSample().set_gt_label(i) for i in range(n)]
    if path.parent.name == 'crd':
        others = cfg.train_dataloader.dataset.neg_num
        for i, sample in enumerate(samples):
            contrast = torch.from_numpy(np.concatenate([[i], rng.integers(n, 100, others)]))
            sample.set_data(dict(sample_idx=torch.tensor(i), contrast_sample_idxs=contrast))
    return dict(inputs=[torch.from_numpy(image) for image in images], data_samples=samples)


@pytest.mark.parametrize('path', FILES, ids=NAMES)
def test_takes_a_step(path, tmp_path):
    """Losses finite and at work, the student moves, the teacher does not, buffers included."""
    runner = runner_of(path, tmp_path)
    model, cfg = runner.model, runner.cfg
    optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items() if 'distiller' not in key}
    losses = [m for m in model.modules() if isinstance(m, KDALoss) and m.landmarks is not None]
    assert bool(losses) == path.stem.startswith('kda')
    if losses:
        with torch.no_grad():
            model(**model.data_preprocessor(batch(path, cfg), True), mode='loss')
    for loss in losses:
        loss.refresh()
        assert loss.landmarks.exists.sum() == SAMPLES
        assert loss.landmarks.num_landmarks == data_of(path)[1]
    logs = model.train_step(batch(path, cfg), optim_wrapper)
    assert all(torch.isfinite(value) for value in logs.values()), logs
    distilled = {key: value for key, value in logs.items() if key.startswith('distill.')}
    assert bool(distilled) == ('distill' in path.parts)
    if path.stem.startswith('at_') and 'digits' in path.stem:
        distilled.pop('distill.loss_high')  # maps of one pixel all have the same attention
    assert all(value > 0 for value in distilled.values()), logs
    after = model.state_dict()
    moved = {key for key, value in before.items() if not torch.equal(value, after[key])}
    assert not any(key.startswith('teacher.') for key in moved)
    trained = [
        key for key in moved if not key.endswith(('running_mean', 'running_var', 'batches_tracked'))
    ]
    # The first stage of factor transfer trains nothing of the student.
    assert bool(trained) == ('factor-transfer_pretrain' not in path.stem)


@pytest.mark.parametrize('path', FILES, ids=NAMES)
def test_name_says_what_it_is(path):
    """<method>_<location>_<teacher>_<student>_<schedule>_<data>, or <network>_<schedule>_<data>."""
    cfg = parsed(path)
    *networks, schedule, data = path.stem.split('_')
    gpus, batch_size, epochs = re.fullmatch(r'(\d+)xb(\d+)(?:-(\d+)e)?', schedule).groups()
    assert gpus == ('8' if data == 'in1k' else '1')
    assert cfg.train_dataloader.batch_size == int(batch_size)
    classes = data_of(path)[1]
    for network in ('architecture', 'teacher') if 'distill' in path.parts else ('model',):
        assert (cfg.model if network == 'model' else cfg.model[network]).head.num_classes == classes
    if epochs:
        assert cfg.train_cfg.max_epochs == int(epochs)
        if 'pretrain' not in path.stem and 'in1k' not in data:
            assert cfg.param_scheduler[-1].end == int(epochs)
    if 'distill' in path.parts:
        method, *stage, location = networks[:-2]
        assert path.parent.name == method.replace('-', '_')
        assert stage in ([], ['pretrain'], ['published'], ['centered'], ['correlated'])
        expected = dict(neck=['neck.gap'], logits=['head.fc'], kd=['head.fc'])
        if 'deit' in path.stem:
            expected = dict(neck=['backbone.ln1'], logits=['head.layers.head'], kd=['head.layers.head'])
        sources = [r.source for r in cfg.model.distiller.teacher_recorders.values()]
        if location == 'backbone':
            assert all(source.startswith('backbone.') for source in sources)
        else:
            assert sources == [source for part in location.split('-') for source in expected[part]]


def bodies(path):
    """What a config says beside the names of its bases and of its pair."""
    text = re.sub(r'^_base_ = \[.*?\]\n', '', path.read_text(), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"checkpoint='[^']*'", 'checkpoint', text)
    return re.sub(r'^#.*\n', '', text, flags=re.MULTILINE).strip()


#: What a pair asks for beyond its base: the authors' beta, and the demo's four epochs.
DIFFERENT = ('dkd_logits_wrn', '-4e_', '-folder', 'deit')


@pytest.mark.parametrize('method', sorted({p.parent.name for p in FILES if 'distill' in p.parts}))
def test_only_the_pair_differs(method):
    """Every config of a method, for every pair on images of one kind, has the same text."""
    groups = {}
    for path in (CONFIGS / 'distill' / 'mmpretrain' / method).glob('*.py'):
        if any(part in path.stem for part in DIFFERENT):
            continue
        location = '_'.join(path.stem.split('_')[:-4])
        groups.setdefault((location, 'in1k' in path.stem), {})[path.stem] = bodies(path)
    assert groups
    for key, texts in groups.items():
        texts = {name: re.sub(r'kda_neck_[^\']*', 'kda_neck', text) for name, text in texts.items()}
        assert len(set(texts.values())) == 1, (key, texts)


def test_every_method_has_every_pair():
    """What is missing is missing for a reason that the benchmark's README gives."""
    pairs = {p.stem for p in (CONFIGS / '_base_' / 'pairs').glob('*.py')}
    maps = ('at', 'fitnets', 'sp', 'ofd', 'abloss', 'factor_transfer')
    for folder in (CONFIGS / 'distill' / 'mmpretrain').iterdir():
        names = [path.stem for path in folder.glob('*.py')]
        for pair in pairs:
            missing = (folder.name in maps and 'deit' in pair) or (
                folder.name == 'crd' and 'in1k' in pair
            )
            assert any(name.endswith(f'_{pair}') for name in names) != missing, (folder.name, pair)


@pytest.mark.parametrize('path', [p for p in FILES if 'distill' in p.parts], ids=lambda p: p.stem)
def test_the_teacher_is_where_its_own_config_leaves_it(path):
    """work_dirs/<config name>/epoch_<last>.pth, what tools/train.py makes of the teacher's config."""
    cfg = parsed(path)
    if 'in1k' in path.stem:
        assert cfg.model.teacher_ckpt.startswith('https://download.openmmlab.com/mmclassification/')
        return
    _, name, checkpoint = Path(cfg.model.teacher_ckpt).parts
    teacher = parsed(next(p for p in FILES if p.stem == name))
    assert checkpoint == f'epoch_{teacher.train_cfg.max_epochs}.pth'
    assert ('-folder' in name) == ('-folder' in path.stem)
    assert teacher.model == cfg.model.teacher


@pytest.mark.parametrize('path', [p for p in FILES if 'distill' in p.parts], ids=lambda p: p.stem)
def test_the_first_stage_is_where_its_own_config_leaves_it(path):
    init_cfg = parsed(path).model.get('init_cfg')
    two = path.stem.startswith(('abloss_logits', 'factor-transfer_backbone'))
    assert bool(init_cfg) == two
    if two:
        _, name, checkpoint = Path(init_cfg.checkpoint).parts
        first = parsed(path.with_name(f'{name}.py'))
        assert checkpoint == f'epoch_{first.train_cfg.max_epochs}.pth'
        assert first.model.architecture.backbone == parsed(path).model.architecture.backbone


#: The pairs of the paper, whose configs have its loss.
PAPER = (
    'resnet34_resnet18_1xb256-120e_cifar100',
    'resnet34_resnet18-w32_1xb256-120e_cifar100',
    'resnet34_shufflenet-v2-1x_1xb256-120e_cifar100',
    'resnet34_resnet18_1xb256-120e_tiny-imagenet',
)
PUBLISHED = dict(type='KDALoss', loss_weight=0.04)
CENTERED = dict(type='KDALoss', preset='landmark_cka', loss_weight=3)
CORRELATED = dict(type='KDALoss', preset='nystrom_correlation', loss_weight=10)


@pytest.mark.parametrize('path', [p for p in FILES if p.stem.startswith('kda_')], ids=lambda p: p.stem)
def test_the_papers_pairs_have_its_loss_and_others_one_without_a_scale(path):
    """Pre-FC the correlated one, on logits the centred one; or what the name says."""
    for name, loss in parsed(path).model.distiller.distill_losses.items():
        if not name.startswith('loss_kda'):
            continue
        paper = any(path.stem.removesuffix('-folder').endswith(pair) for pair in PAPER)
        on_logits = name == 'loss_kda_logits' or path.stem.startswith('kda_logits_')
        expected = PUBLISHED if paper else CENTERED if on_logits else CORRELATED
        named = dict(published=PUBLISHED, centered=CENTERED, correlated=CORRELATED)
        expected = named.get(path.stem.split('_')[1], expected)
        assert {key: value for key, value in loss.items() if key != 'landmarks'} == expected
        arguments = {key: value for key, value in loss.items() if key != 'type'}
        assert KDALoss(**arguments).scale_free == (expected is not PUBLISHED)


def test_the_authors_schedule():
    """paper.md: 120 epochs, batch 256, SGD .1/.9/5e-4, 5 epochs linear, cosine to 0, weight .04."""
    cfg = parsed(CONFIGS / 'distill/mmpretrain/kda/kda_neck_resnet34_resnet18_1xb256-120e_cifar100.py')
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
    cfg = parsed(path)
    runner = runner_of(path, tmp_path)
    stock = runner_of(path.with_name(path.name.replace('-folder', '')), tmp_path)
    plain = dict(
        inputs=[torch.from_numpy(rgb[..., ::-1].transpose(2, 0, 1).copy())],
        data_samples=[DataSample().set_gt_label(0)],
    )
    expected = stock.model.data_preprocessor(plain)['inputs']
    for loader in (cfg.val_dataloader, cfg.train_dataloader):
        dataset = loader.dataset
        dataset = copy.deepcopy(dataset)
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
