"""Landmarks that a config gives as a file."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import numpy as np


def load_landmark_file(landmarks: dict | str | None) -> dict | str | None:
    """Put what a file holds in the place of ``file=`` of fixed landmarks.

    Args:
        landmarks: Config of a landmark strategy. Its ``file`` is ``.npy`` or ``.txt`` with positions in
            the training data set, or ``.npz`` with the arrays ``student`` (m, d_S) and ``teacher``
            (m, d_T).

    Returns:
        The config without ``file``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds something else.
    """
    if not isinstance(landmarks, dict) or 'file' not in landmarks or landmarks.get('type') != 'fixed':
        return landmarks
    rest = {key: value for key, value in landmarks.items() if key != 'file'}
    file = landmarks['file']
    if not isinstance(file, (str, Path)):
        raise ValueError(
            f'landmarks: file={file!r} must be the path of a file, got a {type(file).__name__}.'
        )
    path = Path(file)
    if not path.is_file():
        what = 'is a folder' if path.is_dir() else 'does not exist'
        raise FileNotFoundError(
            f"landmarks: file='{path}' {what} (the working directory is {Path.cwd()})."
        )
    if path.suffix not in READERS:
        raise ValueError(f"landmarks: file='{path}' ends in {path.suffix!r}: {_WANTED}.")
    try:
        if not path.stat().st_size:
            raise ValueError('it is empty')
        return {**rest, **READERS[path.suffix](path)}
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"landmarks: file='{path}' cannot be read: {error}. {_WANTED}.") from error


def _npy(path: Path) -> dict:
    found = np.load(path, allow_pickle=False)
    if not isinstance(found, np.ndarray):
        raise ValueError('it is an archive of arrays, whose name should end in .npz')
    return dict(indices=_positions(found))


def _txt(path: Path) -> dict:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of a file of blank lines, which is refused below
        return dict(indices=_positions(np.loadtxt(path, ndmin=1)))


def _npz(path: Path) -> dict:
    with path.open('rb') as file:
        if not zipfile.is_zipfile(file):
            raise ValueError('it is no .npz archive')
    with np.load(path, allow_pickle=False) as found:
        if set(found) != {'student', 'teacher'}:
            raise ValueError(f"it holds the arrays {sorted(found)}, not 'student' and 'teacher'")
        arrays = {name: found[name] for name in ('student', 'teacher')}
    for name, array in arrays.items():
        if array.dtype.kind not in 'biuf' or array.ndim != 2:
            raise ValueError(
                f'its array {name} has dtype {array.dtype} and shape {array.shape}, not numbers (m, d)'
            )
    return arrays


def _positions(array: np.ndarray) -> list:
    if array.ndim != 1 or not len(array):
        raise ValueError(f'positions must be a vector, got the shape {array.shape}')
    if array.dtype.kind not in 'iuf':
        raise ValueError(f'positions must be numbers, got {array.dtype}')
    for value in array.tolist():
        if value != value or value in (np.inf, -np.inf) or value != int(value) or value < 0:
            raise ValueError(f'indices={value!r} must be an integer >= 0')
    return array.astype(np.int64).tolist()


READERS = {'.npy': _npy, '.txt': _txt, '.npz': _npz}
_WANTED = (
    "It must be a .npy or .txt of positions in the training data set, or a .npz of the arrays 'student' "
    "(m, d_S) and 'teacher' (m, d_T)"
)
