"""Landmarks that a config gives as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def with_file_read(landmarks: dict | str | None) -> dict | str | None:
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
    path = Path(landmarks['file'])
    if not path.is_file():
        raise FileNotFoundError(
            f"landmarks: file='{path}' does not exist (the working directory is {Path.cwd()})."
        )
    try:
        if path.suffix == '.txt':
            return {**rest, 'indices': _positions(np.loadtxt(path, ndmin=1))}
        found = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"landmarks: file='{path}' cannot be read: {error}") from error
    if isinstance(found, np.ndarray):
        return {**rest, 'indices': _positions(found)}
    if set(found) != {'student', 'teacher'}:
        raise ValueError(
            f"landmarks: file='{path}' holds the arrays {sorted(found)}: it must hold 'student' and "
            "'teacher', or be a .npy or .txt of positions."
        )
    return {**rest, 'student': found['student'], 'teacher': found['teacher']}


def _positions(array: np.ndarray) -> list:
    if array.ndim != 1:
        raise ValueError(f'positions must be a vector, got the shape {array.shape}')
    whole = array.astype(np.int64)
    return whole.tolist() if (whole == array).all() else array.tolist()
