"""The costs of loading: the rows are what they say, and the figures reach the file."""

import json

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import default_collate, pseudo_collate

from mmnystrom.benchmark import loading
from mmnystrom.plugin import CIFAR100Images
from mmnystrom.plugin.replay.views import PLACE

CONFIG = """
model = dict(data_preprocessor=dict(mean=[1, 2, 3], std=[4, 5, 6], to_rgb=True))
train_dataloader = dict(
    batch_size=4,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='CIFAR100Images', data_root='nowhere', split='train', pipeline=[
        dict(type='RandomCrop', crop_size=32, padding=4),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        dict(type='PackInputs')]))
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    rows = [dict(img=np.full((32, 32, 3), i, np.uint8), gt_label=i) for i in range(12)]
    monkeypatch.setattr(CIFAR100Images, 'load_data_list', lambda self: [dict(row) for row in rows])
    (tmp_path / 'config.py').write_text(CONFIG)
    return tmp_path / 'config.py'


def test_a_table_of_ratios(config, tmp_path, monkeypatch):
    made = []
    build = loading.Runner.build_dataloader
    monkeypatch.setattr(
        loading.Runner, 'build_dataloader', lambda *a, **k: made.append(build(*a, **k)) or made[-1]
    )
    text = loading.loading_costs(config, rounds=1, at_least=0.01, out=tmp_path / 'costs.json')
    found = json.loads((tmp_path / 'costs.json').read_text())
    assert list(found['ratios']) == list(loading.ROWS) and found['ratios'][loading.UNIT] == 1
    assert all(ratio > 0 for ratio in found['ratios'].values()) and found['batch'] == 4
    assert '| a batch at once, 1 process' in text
    for loader, (name, (processes, *_)) in zip(made, loading.ROWS.items(), strict=True):
        assert loader.num_workers == processes
        assert loader.dataset.batched == name.startswith('a batch')
        function = pseudo_collate if name.endswith('in lists') else default_collate
        assert loader.collate_fn.func is function


@pytest.mark.parametrize('fixed', [False, True])
def test_a_step_gives_images_that_are_ready(config, fixed):
    cfg = Config.fromfile(config)
    step = loading._step(cfg, lambda batch, training: (batch, training), 0, loading.STACKED, True, fixed)
    seen = []
    for _ in range(6):  # two passes
        batch, training = step()
        assert training and batch['inputs'].shape == (4, 3, 32, 32)
        seen += [int(sample.gt_label) for sample in batch['data_samples']]
        assert all(hasattr(sample, PLACE) == fixed for sample in batch['data_samples'])
    assert sorted(seen) == sorted([*range(12), *range(12)])
