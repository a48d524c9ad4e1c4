"""A base from a package may name its collate_fn."""

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

BASE = "_base_ = 'mmnystrom::_base_/datasets/digits_bs64.py'\ntrain_dataloader = dict(batch_size=8)\n"


def test_batches_of_a_packages_base_are_stacked(tmp_path):
    (tmp_path / 'config.py').write_text(BASE)
    cfg = Config.fromfile(tmp_path / 'config.py')
    assert cfg.train_dataloader.collate_fn == dict(type='default_collate', _scope_='mmnystrom')
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader)))
    assert isinstance(batch['inputs'], torch.Tensor) and batch['inputs'].shape == (8, 3, 8, 8)
    assert all(isinstance(sample, BaseDataElement) for sample in batch['data_samples'])
    assert '_scope_' in cfg.train_dataloader.collate_fn  # the config is left as it was


def test_other_arguments_still_arrive():
    loader = Runner.build_dataloader(
        dict(
            dataset=[1, 2],
            sampler=[0, 1],
            batch_size=2,
            collate_fn=dict(type=lambda batch, times: times * sum(batch), _scope_='a', times=3),
        )
    )
    assert list(loader) == [9]
