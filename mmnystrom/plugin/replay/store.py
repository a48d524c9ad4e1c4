"""A store of what a teacher's recorders caught: a folder a key, in it a folder a recorded layer."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .errors import ReplayError
from .record import Leaf, put_together
from .row_file import RowFile

KEY = 'key.json'
LAYER = 'layer.json'
#: Of the files; another number is another key.
FORMAT = 1
GIB = 2**30
#: Files of rows that are held open at a time.
OPEN_FILES = 64


@dataclass(frozen=True)
class Layer:
    """What is recorded of a layer.

    Args:
        structure: Of the records of one forward, see :func:`~.record.take_apart`.
        leaves: Its tensors.
    """

    structure: object
    leaves: tuple[Leaf, ...]

    @property
    def row_bytes(self) -> int:
        """Bytes of one view of an image, checksums included."""
        return sum(leaf.row_bytes + 4 for leaf in self.leaves)


class ReplayStore:
    """Rows of one key: the same teacher, data and numbers.

    Every view has files of its own, so that runs with other numbers of views share what they have in
    common.

    Args:
        root: The folder of all keys.
        key: What the rows depend on; anything that JSON can hold.
        images: Images of the data set.

    Raises:
        OSError: If the folder cannot be made.
    """

    def __init__(self, root: Path, key: Mapping, images: int) -> None:
        text = json.dumps(dict(key, format=FORMAT, images=images), indent=1, sort_keys=True, default=str)
        folder = Path(root) / hashlib.sha256(text.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        self._open(folder, images)
        write_whole(folder / KEY, text)

    @classmethod
    @contextlib.contextmanager
    def reopened(cls, folder: Path) -> Iterator[ReplayStore]:
        """The store in a folder, for as long as the context lasts. It knows no layer yet."""
        store = cls.__new__(cls)
        store._open(folder, json.loads((folder / KEY).read_text())['images'])
        try:
            yield store
        finally:
            store.close()

    def _open(self, folder: Path, images: int) -> None:
        self.folder = folder
        self.root = folder.parent
        self.images = images
        self.layers: dict[str, Layer] = {}
        self._files: dict[tuple[str, int, int], RowFile] = {}
        # Held for as long as the store is open, so that nobody removes it.
        self._lock = (folder / 'lock').open('a')
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def add_layer(self, name: str, layer: Layer) -> None:
        """Say what a layer holds, before its rows are read or written.

        Raises:
            ReplayError: If the store holds the layer as something else.
        """
        folder = self.folder / folder_name(name)
        folder.mkdir(exist_ok=True)
        text = json.dumps(
            dict(name=name, structure=layer.structure, leaves=[asdict(leaf) for leaf in layer.leaves])
        )
        file = folder / LAYER
        if not file.is_file():
            write_whole(file, text)
        elif json.loads(file.read_text()) != json.loads(text):
            raise ReplayError(
                f'{folder} holds {file.read_text()} and the teacher now gives {text}: delete the folder.'
            )
        self.layers[name] = layer

    def reopen_layer(self, file: Path) -> str:
        """Take a layer as its file in the store describes it; returns its name."""
        found = json.loads(file.read_text())
        leaves = tuple(Leaf(**{**leaf, 'shape': tuple(leaf['shape'])}) for leaf in found['leaves'])
        self.layers[found['name']] = Layer(found['structure'], leaves)
        return found['name']

    def read(self, name: str, rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """What a layer gave for some views of images.

        Args:
            name: The layer.
            rows: Image and view, shape (N, 2).

        Returns:
            An array a leaf, shape (N, ...), and a mask of the rows that are there, shape (N,).
        """
        valid = np.ones(len(rows), bool)
        found = []
        for number, leaf in enumerate(self.layers[name].leaves):
            parts = [
                (here, *self._file(name, number, view).read(rows[here, 0]))
                for view, here in _by_view(rows)
            ]
            whole = parts[0][1] if len(parts) == 1 else np.zeros((len(rows), *leaf.shape), leaf.numpy)
            for here, values, there in parts:
                if len(parts) > 1:
                    whole[here] = values
                valid[here] &= there
            found.append(whole)
        return found, valid

    def write(self, name: str, rows: np.ndarray, values: Sequence[np.ndarray]) -> None:
        """Store what a layer gave. A view of an image counts once its last leaf is written.

        Args:
            name: The layer.
            rows: Image and view, shape (N, 2).
            values: An array a leaf, shape (N, ...).

        Raises:
            OSError: If the disk is full.
        """
        for number, value in enumerate(values):
            for view, here in _by_view(rows):
                self._file(name, number, view).write(rows[here, 0], value[here])

    def tensors(self, name: str, values: Sequence[np.ndarray], device: torch.device) -> list[Tensor]:
        """Stored arrays as the tensors that the teacher gave."""
        leaves = self.layers[name].leaves
        return [leaf.unpack(value, device) for leaf, value in zip(leaves, values, strict=True)]

    def record(self, name: str, leaves: list[Tensor]) -> list:
        """The buffer of a recorder of a layer."""
        return list(put_together(self.layers[name].structure, leaves))

    def count(self, name: str, view: int) -> int:
        """Images of which a layer's view is stored."""
        layer = self.layers[name]
        return min((self._file(name, i, view).count() for i in range(len(layer.leaves))), default=0)

    def views(self, name: str) -> list[int]:
        """The views of which a layer holds rows."""
        folder = self.folder / folder_name(name)
        found = (re.fullmatch(r'leaf0-view(\d+)\.sums\.npy', path.name) for path in folder.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def missing(self, view: int) -> np.ndarray:
        """Images of whose view a layer is not stored, in order."""
        there = np.ones(self.images, bool)
        for name, layer in self.layers.items():
            for number in range(len(layer.leaves)):
                there &= self._file(name, number, view).written()
        return np.flatnonzero(~there)

    def size(self, views: int) -> str:
        """What the layers take on disk with so many views, in one line."""
        parts = []
        for name, layer in self.layers.items():
            numbers = ' + '.join(leaf.label for leaf in layer.leaves)
            numbers = f'({numbers})' if len(layer.leaves) > 1 else numbers
            total = layer.row_bytes * self.images * views
            parts.append(f'{name} {numbers} x {self.images:,} x {views} = {gib(total)}')
        return ', '.join(parts)

    def check_room(self, views: int, max_gib: float) -> None:
        """Refuse what does not fit.

        Raises:
            ReplayError: If the layers take more than ``max_gib``, or what is missing of them more than
                the disk has; with the layer that takes most.
        """
        total = {name: layer.row_bytes * self.images * views for name, layer in self.layers.items()}
        if not total:
            return
        big = max(total, key=total.get)
        remedy = (
            "take fewer views or dtype='float16', or record a smaller layer (a pooled feature or the "
            'logits instead of a map)'
        )
        if sum(total.values()) > max_gib * GIB:
            raise ReplayError(
                f'the store would take {gib(sum(total.values()))}, {gib(total[big])} of it for {big} '
                f'({self.size(views)}), and max_gib={max_gib:g}: {remedy}, or allow more.'
            )
        there = sum(
            layer.row_bytes * sum(self.count(name, view) for view in range(views))
            for name, layer in self.layers.items()
        )
        free = shutil.disk_usage(self.folder).free
        if sum(total.values()) - there > free:
            raise ReplayError(
                f'the store still needs {gib(sum(total.values()) - there)}, most of it for {big} '
                f'({self.size(views)}), and the disk of {self.root} has {gib(free)} left: {remedy}, or '
                'take a store on another disk.'
            )

    def close(self) -> None:
        """Let go of all files."""
        for file in self._files.values():
            file.close()
        self._files = {}
        self._lock.close()

    def _file(self, name: str, leaf: int, view: int) -> RowFile:
        place = (name, leaf, view)
        if place in self._files:
            self._files[place] = self._files.pop(place)  # the last used comes last
            return self._files[place]
        while len(self._files) >= OPEN_FILES:
            self._files.pop(next(iter(self._files))).close()
        what = self.layers[name].leaves[leaf]
        path = self.folder / folder_name(name) / f'leaf{leaf}-view{view:04d}.npy'
        self._files[place] = RowFile(path, self.images, what.shape, what.numpy)
        return self._files[place]


def _by_view(rows: np.ndarray) -> list[tuple[int, np.ndarray | slice]]:
    """The views of a batch, and where it has them. Nearly always it has one."""
    views = rows[:, 1]
    if (views == views[0]).all():
        return [(int(views[0]), slice(None))]
    return [(int(view), views == view) for view in np.unique(views)]


def layer_name(source: str, kind: str) -> str:
    """Name of what a recorder records: its source, and whether it is the input."""
    source = source or 'model'
    return source if kind == 'outputs' else f'{source} (inputs)'


def folder_name(layer: str) -> str:
    """Name of the folder of a layer."""
    return re.sub(r'[^\w.-]+', '-', layer).strip('-')


def gib(number: float) -> str:
    """Bytes for a reader.

    Example:
        >>> gib(512 * 2 * 50_000 * 10), gib(2_500_000)
        ('0.48 GiB', '2.4 MiB')
    """
    if number >= GIB / 100:
        return f'{number / GIB:,.2f} GiB'
    return f'{number / 2**20:.1f} MiB' if number >= 2**20 / 10 else f'{number / 2**10:.1f} KiB'


def write_whole(path: Path, text: str) -> None:
    """Write a file, wholly or not at all."""
    new = path.with_name(f'.{path.name}.{os.getpid()}.{uuid.uuid4().hex}')
    new.write_text(text)
    new.replace(path)
