"""Rows on disk that several processes read and write at a time, each row with a checksum."""

from __future__ import annotations

import os
import uuid
import zlib
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap


class RowFile:
    """An array of rows in a ``.npy`` file, some of them not written yet.

    A second file holds a checksum a row, which is written after the row; 0 stands for a row that is
    not there. A row that a killed process, another writer or a failing disk has left half written
    counts as one that is not there. Rows are written by ``pwrite``, because a full disk is then an
    OSError; in a memory map it would kill the process. The files are sparse: rows that were never
    written take no room.

    Args:
        path: The ``.npy`` file. It is made by the first write. The checksums lie beside it.
        rows: Number of rows.
        shape: Shape of a row.
        dtype: numpy's dtype of its numbers.

    Raises:
        OSError: If the disk is full, or cannot be read.
        ValueError: If the file is there and holds something else.
    """

    def __init__(self, path: Path, rows: int, shape: tuple[int, ...], dtype: str) -> None:
        self.path = path
        self.shape = (rows, *shape)
        self.dtype = np.dtype(dtype)
        self.row_bytes = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        self._rows: np.ndarray | None = None
        self._sums: np.ndarray | None = None
        self._writers: tuple[int, int] | None = None

    @property
    def sums_path(self) -> Path:
        """The file of the checksums."""
        return self.path.with_suffix('.sums.npy')

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows, and which of them are there.

        Args:
            indices: Numbers of rows, shape (N,).

        Returns:
            Rows, shape (N, \\*shape), and a mask, shape (N,). Where the mask is False the row is
            anything.
        """
        if not self._open():
            return np.zeros((len(indices), *self.shape[1:]), self.dtype), np.zeros(len(indices), bool)
        rows, sums = self._rows[indices], self._sums[indices]
        return rows, sums == _checksums(rows, indices)

    def write(self, indices: np.ndarray, rows: np.ndarray) -> None:
        """Write rows, each before its checksum.

        Args:
            indices: Numbers of rows, shape (N,).
            rows: Shape (N, \\*shape).
        """
        rows = np.ascontiguousarray(rows, self.dtype)
        if self._writers is None:
            _create(self.path, self.shape, self.dtype)
            _create(self.sums_path, self.shape[:1], np.dtype('<u4'))
            self._open()
            self._writers = tuple(os.open(x, os.O_WRONLY) for x in (self.path, self.sums_path))
        (to_rows, to_sums), (start, sums_start) = self._writers, self._starts
        sums = _checksums(rows, indices)
        for index, row, sum_ in zip(indices.tolist(), rows, sums, strict=True):
            _pwrite(to_rows, row.tobytes(), start + index * self.row_bytes)
            _pwrite(to_sums, sum_.tobytes(), sums_start + index * sums.itemsize)

    def written(self) -> np.ndarray:
        """Which rows were written, shape (rows,)."""
        return self._sums != 0 if self._open() else np.zeros(self.shape[0], bool)

    def count(self) -> int:
        """Number of rows that were written."""
        return int(np.count_nonzero(self.written()))

    def close(self) -> None:
        """Let go of the files."""
        for writer in self._writers or ():
            os.close(writer)
        self._rows = self._sums = self._writers = None

    def _open(self) -> bool:
        if self._rows is None and self.sums_path.is_file() and self.path.is_file():
            rows = self._load(self.path, self.shape, self.dtype)
            sums = self._load(self.sums_path, self.shape[:1], np.dtype('<u4'))
            self._starts = rows.offset, sums.offset
            # Without the subclass, whose every index costs.
            self._rows, self._sums = np.asarray(rows), np.asarray(sums)
        return self._rows is not None

    @staticmethod
    def _load(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
        try:
            found = np.load(path, mmap_mode='r', allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(f'{path} is damaged ({error}): delete it.') from error
        if found.shape != shape or found.dtype != dtype:
            raise ValueError(
                f'{path} holds {found.dtype} of shape {found.shape}, and {dtype} of shape {shape} is '
                'expected: delete it.'
            )
        return found


def _checksums(rows: np.ndarray, indices: np.ndarray) -> np.ndarray:
    # Begun with its place: a row in the place of another is not valid. Never 0, which means "missing".
    raw = rows.reshape(len(rows), -1).view(np.uint8)
    found = [zlib.crc32(row, index) or 1 for row, index in zip(raw, indices.tolist(), strict=True)]
    return np.array(found, '<u4')


def _create(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Make a file of zeros, wholly or not at all, unless there is one."""
    if path.exists():
        return
    new = path.with_name(f'.{path.name}.{uuid.uuid4().hex}')
    try:
        open_memmap(new, mode='w+', dtype=dtype, shape=shape)
        try:
            os.link(new, path)  # unlike a renaming it never replaces the file of another process
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _pwrite(file: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written
