"""Checkpoints: what mmengine writes is read back; anything else is refused by name."""

import datetime
import pickle

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner import CheckpointLoader, load_checkpoint, save_checkpoint
from support import kda_config, train

from mmnystrom.bridge import checkpoint_loading
from mmnystrom.bridge.checkpoint_loading import UntrustedCheckpointError

pytestmark = pytest.mark.skipif(
    not checkpoint_loading.is_broken(), reason='this torch loads everything, as it always did'
)


class _Runs:
    """A pickle that runs a command when loaded."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        import os

        return os.system, (f'touch {self.target}',)


def _refused(tmp_path, content):
    path = tmp_path / 'bad.pth'
    torch.save(content, path)
    with pytest.raises(UntrustedCheckpointError) as refusal:
        CheckpointLoader.load_checkpoint(str(path))
    assert str(path) in str(refusal.value)
    assert 'add_safe_globals' in str(refusal.value)
    return str(refusal.value)


def test_what_a_run_writes_is_read_back(tmp_path):
    hub = MessageHub.get_instance('checkpoint-test')
    for i in range(3):
        hub.update_scalar('train/loss', torch.tensor(float(i)))
        hub.update_scalar('train/lr', np.float64(0.1))
    hub.update_info('metrics', {name: np.dtype(name).type(3) for name in ('float32', 'int64', 'bool')})
    path = str(tmp_path / 'good.pth')
    save_checkpoint(dict(message_hub=hub.state_dict(), state_dict=dict(w=torch.ones(2))), path)
    loaded = CheckpointLoader.load_checkpoint(path)
    buffer = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer)
    assert (buffer.mean(), buffer.min(), buffer.max(), buffer.current()) == (1, 0, 2, 2)
    assert loaded['message_hub']['runtime_info']['metrics']['int64'] == 3


@pytest.mark.parametrize('package', ['numpy.core', 'numpy._core'])
def test_both_of_numpys_names_are_known(package):
    names = [entry[1] for entry in checkpoint_loading.safe_globals() if isinstance(entry, tuple)]
    assert f'{package}.multiarray._reconstruct' in names
    assert f'{package}.multiarray.scalar' in names


def test_code_is_refused_and_not_run(tmp_path):
    target = tmp_path / 'ran'
    message = _refused(tmp_path, dict(state_dict=_Runs(target)))
    assert 'system' in message
    assert not target.exists()


def test_a_foreign_class_is_refused_by_name(tmp_path):
    assert 'datetime' in _refused(tmp_path, dict(meta=datetime.date(2026, 1, 1)))


class _Getattr:
    def __init__(self, owner, name):
        self.call = (owner, name)

    def __reduce__(self):
        return getattr, self.call


@pytest.mark.parametrize(
    ('owner', 'name'),
    [
        (HistoryBuffer, '__init__'),
        (HistoryBuffer, '__globals__'),
        (np.ndarray, 'max'),
        (OneCycleParamScheduler, 'load_state_dict'),
        (ConfigDict, '_to_lazy_dict'),
    ],
)
def test_getattr_gives_out_nothing_but_the_four_methods(tmp_path, owner, name):
    if name == '__globals__':
        with pytest.raises(pickle.UnpicklingError):
            checkpoint_loading._getattr(HistoryBuffer.mean, name)
        return
    assert name in _refused(tmp_path, dict(x=_Getattr(owner, name)))


class _Makes:
    def __reduce__(self):
        return OneCycleParamScheduler, ('optimizer', 'lr')


def test_a_schedule_is_named_and_never_made(tmp_path):
    assert 'OneCycleParamScheduler' in _refused(tmp_path, dict(x=_Makes()))


def test_a_run_with_metainfo_of_dicts_and_a_one_cycle_schedule_is_resumed(tmp_path):
    info = dict(info=dict(of=[dict(a=1)], by='me'), palette=[(1, 2, 3)])
    more = dict(train_dataloader__dataset__metainfo=info)
    more['param_scheduler'] = [dict(type='OneCycleLR', eta_max=0.1, total_steps=30, by_epoch=False)]
    _, whole = train(kda_config(tmp_path / 'whole', epochs=2, **more))
    path = tmp_path / 'whole/epoch_1.pth'
    cfg = kda_config(tmp_path / 'resumed', epochs=2, resume=True, load_from=str(path), **more)
    _, rest = train(cfg)
    assert rest == whole[len(whole) - len(rest) :] and len(rest) < len(whole)
    meta = torch.load(path)['meta']['dataset_meta']
    assert meta['info'] == info['info'] and type(meta['info']) is ConfigDict


def test_a_users_own_load_takes_the_same_list_and_nothing_wider(tmp_path):
    path = str(tmp_path / 'hub.pth')
    torch.save(dict(hub=HistoryBuffer([1.0], [1]), figure=np.float64(0.1), array=np.ones(2)), path)
    found = torch.load(path)
    assert found['hub'].mean() == 1
    assert found['array'].tolist() == [1, 1]
    target = tmp_path / 'ran'
    for content in (_Runs(target), datetime.date(2026, 1, 1), _Getattr(HistoryBuffer, '__init__')):
        torch.save(dict(x=content), path)
        with pytest.raises(pickle.UnpicklingError):
            torch.load(path)
    assert not target.exists()


@pytest.mark.parametrize(
    ('array', 'name'),
    [
        (np.array(['x', 1], dtype=object), 'ObjectDType'),
        (np.array(['x']), 'StrDType'),
        (np.zeros(2, dtype=[('a', 'f4')]), 'VoidDType'),
    ],
)
def test_arrays_of_anything_but_numbers_are_refused_by_name(tmp_path, array, name):
    assert f'wants numpy.dtypes.{name}' in _refused(tmp_path, dict(x=array))


def test_trust_can_be_given_on_purpose(tmp_path):
    path = str(tmp_path / 'date.pth')
    torch.save(datetime.date(2026, 1, 1), path)
    with torch.serialization.safe_globals([datetime.date]):
        assert CheckpointLoader.load_checkpoint(path) == datetime.date(2026, 1, 1)


def test_trust_in_everything_for_one_run(tmp_path, monkeypatch):
    path = str(tmp_path / 'date.pth')
    torch.save(datetime.date(2026, 1, 1), path)
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    assert CheckpointLoader.load_checkpoint(path) == datetime.date(2026, 1, 1)


def test_files_from_the_web_pass_the_same_door(tmp_path, monkeypatch):
    """The file lies in the download cache already, so nothing is fetched."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    cache = tmp_path / 'hub' / 'checkpoints'
    cache.mkdir(parents=True)
    target = tmp_path / 'ran'
    torch.save(dict(state_dict=_Runs(target)), cache / 'teacher.pth')
    with pytest.raises(UntrustedCheckpointError, match='system'):
        load_checkpoint(torch.nn.Linear(1, 1), 'https://example.invalid/teacher.pth')
    assert not target.exists()
    torch.save(dict(state_dict=torch.nn.Linear(1, 1).state_dict()), cache / 'good.pth')
    load_checkpoint(torch.nn.Linear(1, 1), 'https://example.invalid/good.pth')


def test_a_broken_file_is_not_called_untrusted(tmp_path):
    path = tmp_path / 'broken.pth'
    path.write_bytes(b'neither zip nor pickle')
    with pytest.raises(Exception, match='.') as error:
        CheckpointLoader.load_checkpoint(str(path))
    assert not isinstance(error.value, UntrustedCheckpointError)
