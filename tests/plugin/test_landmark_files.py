"""Fixed landmarks from files."""

import numpy as np
import pytest
from mmrazor.registry import MODELS

from mmnystrom.plugin import KDALoss


def build(**landmarks):
    return MODELS.build(dict(type='mmrazor.KDALoss', landmarks=dict(type='fixed', **landmarks)))


def test_fixed_landmarks_from_files(tmp_path):
    np.save(tmp_path / 'positions.npy', np.array([5, 2, 9]))
    (tmp_path / 'positions.txt').write_text('5\n2\n9\n')
    np.savez(tmp_path / 'rows.npz', student=np.eye(3, 4), teacher=np.eye(3, 6))
    for name in ('positions.npy', 'positions.txt'):
        loss = build(file=str(tmp_path / name))
        assert loss.landmarks.num_landmarks == 3
        assert loss.landmarks.needs == 'indices'
    rows = build(file=str(tmp_path / 'rows.npz'))
    assert rows.landmarks.student.shape == (3, 4)
    assert isinstance(rows, KDALoss)


@pytest.mark.parametrize(
    ('name', 'content', 'error', 'words'),
    [
        ('none.npy', None, FileNotFoundError, 'none.npy.* does not exist .the working directory is'),
        ('a.npy', np.eye(2), ValueError, r'positions must be a vector, got the shape \(2, 2\)'),
        ('a.npy', np.array([1.5]), ValueError, r'indices=1\.5 must be an integer'),
        ('a.npy', np.array(['x', 'y'], object), ValueError, 'a.npy. cannot be read'),
        ('a.npz', dict(student=np.eye(2)), ValueError, r"holds the arrays \['student'\]"),
        ('a.txt', 'one\ntwo\n', ValueError, 'a.txt. cannot be read'),
    ],
)
def test_files_that_do_not_fit(tmp_path, name, content, error, words):
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    elif content is not None:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(error, match=words):
        build(file=str(path))
