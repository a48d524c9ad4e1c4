"""Two real processes, gloo: the landmarks are those of one process."""

import re

import numpy as np
import pytest
import torch
from support import call_tool, kda_config, run_ranks, run_tool

from mmnystrom.plugin import Digits

KEY = 'distiller.distill_losses.loss_kda.landmarks.'


def uneven_images():
    """101 images in an order where odd places, the second rank's, alone hold class 7."""
    dataset = Digits('train', pipeline=[])
    labels = np.array([dataset[i]['gt_label'] for i in range(len(dataset))])
    sevens = np.flatnonzero(labels == 7)[:9].tolist()
    rest = np.flatnonzero((labels != 7) & (labels != 4))
    rest = np.concatenate([rest[labels[rest] < 3][:60], rest[:60]])[: 101 - 9].tolist()
    order = []
    while len(order) < 101:
        take_seven = len(order) % 2 == 1 and sevens
        order.append(sevens.pop(0) if take_seven else rest.pop(0))
    kept = labels[order]
    assert 7 in kept[1::2] and 7 not in kept[::2] and 4 not in kept
    assert len(set(np.bincount(kept))) > 3
    return order


def config(tmp_path, **overrides):
    cfg = kda_config(tmp_path, epochs=2, log_level='INFO', **overrides)
    cfg.train_dataloader.batch_size = 8
    # Weights that do not move and no batch statistics: an image's features are the same in any batch.
    cfg.optim_wrapper.optimizer.lr = 0.0
    cfg.model.architecture.backbone.norm_cfg = dict(type='GN', num_groups=2)
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=False, round_up=False)
    cfg.train_dataloader.dataset.pop('samples_per_class')
    cfg.train_dataloader.dataset.indices = uneven_images()
    return cfg


def state(path):
    # The file is our own of a moment ago.
    checkpoint = torch.load(path, map_location='cpu', weights_only=False)['state_dict']
    return {key[len(KEY) :]: value for key, value in checkpoint.items() if key.startswith(KEY)}


@pytest.fixture(scope='module')
def one_process(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp('one')
    config(tmp_path).dump(tmp_path / 'config.py')
    call_tool('train.py', tmp_path / 'config.py')
    return state(tmp_path / 'epoch_2.pth')


WRAPPERS = {
    'default': None,
    'broadcast_buffers': dict(
        type='MMDistributedDataParallel', broadcast_buffers=True, find_unused_parameters=True
    ),
    'separate': dict(type='MMSeparateDistributedDataParallel', find_unused_parameters=True),
}


@pytest.mark.parametrize('wrapper', WRAPPERS)
def test_two_ranks_have_the_landmarks_of_one_process(tmp_path, one_process, wrapper):
    cfg = config(tmp_path)
    cfg.custom_hooks.append(dict(type='SyncBuffersHook'))
    if WRAPPERS[wrapper]:
        cfg.model_wrapper_cfg = WRAPPERS[wrapper]
    cfg.dump(tmp_path / 'config.py')
    launch = run_tool if wrapper == 'default' else run_ranks
    result = launch('train.py', tmp_path / 'config.py', ranks=2)
    assert re.search(r'Epoch\(train\) +\[2\]\[7/7\]', result.stdout), result.stdout
    two = state(tmp_path / 'epoch_2.pth')
    assert one_process['exists'].tolist() == [j != 4 for j in range(10)]
    assert torch.equal(two['exists'], one_process['exists'])
    for name in ('student', 'teacher'):
        expected = one_process[name]
        assert expected.abs().max() > 0.01
        error = (two[name] - expected).norm() / expected.norm()
        assert error < 1e-6, name


def test_means_of_ranks_would_be_wrong(one_process):
    """The case tells sums from means: the ranks' class counts differ."""
    dataset = Digits('train', indices=uneven_images(), pipeline=[])
    labels = np.array([dataset[i]['gt_label'] for i in range(len(dataset))])
    counts = [np.bincount(labels[rank::2], minlength=10) for rank in (0, 1)]
    assert (counts[0] != counts[1]).sum() > 3


def test_every_connector_is_in_the_graph_while_the_loss_is_off(tmp_path):
    """Without find_unused_parameters DistributedDataParallel stops at the first unused one."""
    cfg = config(tmp_path)
    cfg.find_unused_parameters = False
    cfg.custom_hooks = [dict(type='LandmarkHook', warmup_epochs=1)]
    cfg.model.distiller.connectors = dict(
        project=dict(type='ProjectionConnector', in_channel=32, out_channel=8)
    )
    cfg.model.distiller.loss_forward_mappings.loss_kda.s_feature.connector = 'project'
    cfg.dump(tmp_path / 'config.py')
    run_ranks('train.py', tmp_path / 'config.py')


def test_iteration_checkpoint_holds_the_sums_of_all_ranks(tmp_path):
    cfg = config(tmp_path, custom_hooks=[dict(type='LandmarkHook', warmup_epochs=0)])
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=3, val_interval=100)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=2)
    cfg.dump(tmp_path / 'config.py')
    run_ranks('train.py', tmp_path / 'config.py')
    assert state(tmp_path / 'iter_2.pth')['count'].sum() == 2 * 2 * 8


def test_running_means_of_two_ranks_are_those_of_one_process(tmp_path):
    """With the batch of both; under landmark_cka, whose pull is measured on both."""
    found = []
    for ranks in (None, 2):
        cfg = config(tmp_path / str(ranks))
        cfg.train_dataloader.batch_size = 8 if ranks else 16
        landmarks = dict(type='class_center', num_landmarks=10, update='running')
        cfg.model.distiller.distill_losses.loss_kda = dict(
            type='KDALoss', preset='landmark_cka', landmarks=landmarks
        )
        (tmp_path / str(ranks)).mkdir()
        cfg.dump(tmp_path / str(ranks) / 'config.py')
        result = run_ranks('train.py', tmp_path / str(ranks) / 'config.py', ranks=ranks or 1)
        assert 'kernel/kda/gradient_ratio' in result.stdout
        found.append(state(tmp_path / str(ranks) / 'epoch_2.pth'))
    one, two = found
    assert torch.equal(two['exists'], one['exists'])
    for name in ('student', 'teacher', 'weight', 'count', 'student_sum'):
        error = (two[name].double() - one[name].double()).norm()
        assert error <= 1e-6 * one[name].double().norm(), name
    assert one['count'].any()
