"""Files that are no checkpoints, or not ones to resume from: named, with what to do.

The table of such files, in real runs, is tests/faults/test_training.py.
"""

import pytest
import torch
from mmengine.runner import CheckpointLoader, find_latest_checkpoint

from mmnystrom.bridge import checkpoint_errors
from mmnystrom.bridge.checkpoint_errors import UnusableCheckpointError


def test_the_break_is_cured():
    assert not checkpoint_errors.is_broken()


@pytest.mark.parametrize(
    'content', [b'', b'hello', b'\x80\x04.', b'GIF89a', b'PK\x03\x04', b'PK\x03\x04' + bytes(500)]
)
def test_every_broken_file_is_named(tmp_path, content):
    path = tmp_path / 'broken.pth'
    path.write_bytes(content)
    with pytest.raises(UnusableCheckpointError, match=r'broken\.pth') as error:
        CheckpointLoader.load_checkpoint(str(path))
    assert 'weights_only' not in str(error.value)


@pytest.mark.parametrize('share', [0.01, 0.5, 0.99])
def test_every_cut_of_a_checkpoint_is_named(tmp_path, share):
    path = tmp_path / 'cut.pth'
    torch.save(dict(state_dict=torch.nn.Linear(100, 100).state_dict()), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnusableCheckpointError, match='cut off or damaged'):
        CheckpointLoader.load_checkpoint(str(path))


@pytest.mark.parametrize('share', [0.3, 0.02, 0.0003])
def test_a_cut_of_a_checkpoint_from_before_torch_1_6(tmp_path, share):
    path = tmp_path / 'old.pth'
    state = dict(state_dict=torch.nn.Linear(100, 100).state_dict())
    torch.save(state, path, _use_new_zipfile_serialization=False)
    assert CheckpointLoader.load_checkpoint(str(path))['state_dict']['bias'].shape == (100,)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UnusableCheckpointError, match=r'old\.pth .*(unexpected EOF|cut off)'):
        CheckpointLoader.load_checkpoint(str(path))


def test_errors_that_say_enough_are_left_alone(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.pth can not be found'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'none.pth'))


def test_last_checkpoint(tmp_path):
    assert find_latest_checkpoint(str(tmp_path)) is None
    (tmp_path / 'last_checkpoint').write_text('\n')
    with pytest.raises(ValueError, match=r'last_checkpoint is empty'):
        find_latest_checkpoint(str(tmp_path))
    (tmp_path / 'last_checkpoint').write_text('a/epoch_3.pth\n')
    assert find_latest_checkpoint(str(tmp_path)) == 'a/epoch_3.pth'
