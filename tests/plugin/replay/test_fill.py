"""Stores filled ahead of training, listed, pruned."""

import fcntl
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from support import call_tool, kda_config, train, unformatted

from mmnystrom.plugin.replay import ReplayError
from mmnystrom.plugin.replay.fill import fill, inventory, prune_others, replay_config


def config(work_dir, **overrides):
    cfg = kda_config(work_dir, epochs=2, **overrides)
    cfg.merge_from_dict({'train_cfg.val_interval': 100, 'default_hooks.checkpoint.interval': 100})
    cfg.custom_hooks.append(dict(type='TeacherReplayHook', store=str(work_dir.parent / 'store')))
    cfg.train_dataloader.dataset.pipeline = [
        dict(type='RandomCrop', crop_size=8, padding=1),
        dict(type='PackInputs'),
    ]
    return cfg


@pytest.fixture
def trained(tmp_path):
    """A checkpoint of a teacher, which every run of a test has, whatever it draws before."""
    with unformatted():
        runner = Runner.from_cfg(kda_config(tmp_path / 'teacher', experiment_name=str(tmp_path)))
    torch.save(runner.model.teacher.state_dict(), tmp_path / 'teacher.pth')
    return dict(model__teacher_ckpt=str(tmp_path / 'teacher.pth'))


def test_a_filled_store_is_replayed(tmp_path, trained):
    said = fill(config(tmp_path / 'fill', **trained), batch_size=50)
    assert '120 views of images recorded' in said and 'neck.gap 64 x float32 x 60 x 2' in said
    assert '0 views of images recorded' in fill(config(tmp_path / 'again', **trained))
    runner, curve = train(config(tmp_path / 'run', **trained))
    assert runner.message_hub.get_scalar('train/replay/share').current() == 1
    live = config(tmp_path / 'live', **trained)
    live.custom_hooks[-1]['store'] = None
    for row, other in zip(curve, train(live)[1], strict=True):
        assert row == pytest.approx(other, abs=1e-5)


def test_filling_goes_on_where_it_was_stopped(tmp_path, trained):
    fill(config(tmp_path / 'fill', **trained))
    sums = np.load(next((tmp_path / 'store').glob('*/*/*view0001.sums.npy')), mmap_mode='r+')
    sums[10:33] = 0
    sums.flush()
    assert '23 views of images recorded' in fill(config(tmp_path / 'again', **trained))


def test_a_full_disk_stops_it(tmp_path, trained, monkeypatch):
    def full(*arguments):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('mmnystrom.plugin.replay.row_file.os.pwrite', full)
    with pytest.raises(ReplayError, match='takes no more; the same command goes on'):
        fill(config(tmp_path / 'fill', **trained))


def test_the_arguments_of_the_hook(tmp_path):
    cfg = replay_config(Config(dict(custom_hooks=[dict(type='LandmarkHook')])), views=3, dtype=None)
    assert cfg.custom_hooks[-1] == dict(type='TeacherReplayHook', views=3, refuse=True)
    cfg = replay_config(config(tmp_path / 'run'), views=7)
    assert [hook['type'] for hook in cfg.custom_hooks] == ['LandmarkHook', 'TeacherReplayHook']
    assert cfg.custom_hooks[-1]['store'] == str(tmp_path / 'store')
    assert cfg.custom_hooks[-1]['views'] == 7
    no_store = config(tmp_path / 'run')
    no_store.custom_hooks[-1]['store'] = None
    with pytest.raises(ReplayError, match='has no store to fill'):
        fill(no_store)


def test_what_is_of_no_config_is_removed(tmp_path, trained):
    fill(config(tmp_path / 'a', **trained))
    half = config(tmp_path / 'b', **trained)
    half.custom_hooks[-1]['dtype'] = 'float16'
    fill(half)
    strange = tmp_path / 'store' / 'mine'
    strange.mkdir()
    (strange / 'thesis.txt').write_text('x')
    folders = {stored.key['dtype']: stored.folder for stored in inventory(tmp_path / 'store')}
    with (folders['float16'] / 'lock').open('a') as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # as a run that has it open
        said = prune_others([config(tmp_path / 'c', **trained)])
    assert said == f'{folders["float16"].name} is in use and stays.'
    said = prune_others([config(tmp_path / 'd', **trained)])
    assert f'{folders["float16"].name} is removed' in said
    assert folders['float32'].is_dir() and not folders['float16'].exists() and strange.is_dir()
    assert prune_others([config(tmp_path / 'e', **trained)]) == 'All is kept.'


def test_the_tool(tmp_path, trained, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = config(tmp_path / 'run', **trained)
    cfg.custom_hooks.pop()
    cfg.dump(tmp_path / 'config.py')
    arguments = ('config.py', '--store', 'stored', '--views', 1, '--dtype', 'bfloat16')
    call_tool('replay.py', *arguments, '--batch-size', 30)
    call_tool('replay.py', '--list', '--store', 'stored')
    out = capsys.readouterr().out
    assert '60 views of images recorded' in out
    assert 'teacher mmpretrain.ResNet_CIFAR, 60 images of Digits, bfloat16, computed in float32' in out
    assert 'neck.gap: 1 views, 100.0 % of their images' in out
    key = json.loads(next((tmp_path / 'stored').glob('*/key.json')).read_text())
    assert key['dtype'] == 'bfloat16' and key['images'] == 60
    with pytest.raises(SystemExit, match='max_gib'):
        call_tool('replay.py', *arguments, '--max-gib', 1e-9)
    with pytest.raises(SystemExit):
        call_tool('replay.py')
