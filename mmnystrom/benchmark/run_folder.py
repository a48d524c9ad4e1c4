"""The folder of a run: its name, the mark that says it is ours, its log and its checkpoint."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import ForeignFolderError, ResultError

MARK = 'run.json'


def folder_name(method: str) -> str:
    """Name of the folder of a method."""
    return method.replace(' ', '-')


def check_names(methods: Iterable[str]) -> None:
    """Refuse names that are no folder of their own below the work directory.

    Raises:
        ValueError: If a name is empty, holds a separator, ``..`` or a control character, begins with a
            dot or is too long, or if two names have the same folder.
    """
    taken: dict[str, str] = {}
    for method in methods:
        odd = not isinstance(method, str) or not method.strip() or not method.isprintable()
        if odd or len(method) > 100 or method[0] == '.' or any(x in method for x in ('..', '/', '\\')):
            raise ValueError(
                f'the method {method!r} cannot be the name of a folder: take 1 to 100 letters, digits, '
                'spaces, +, - or _, without / and \\, without .., and without a dot at the beginning.'
            )
        other = taken.setdefault(folder_name(method), method)
        if other != method:
            raise ValueError(
                f'the methods {other!r} and {method!r} would share the folder {folder_name(method)}: '
                'rename one.'
            )


@dataclass(frozen=True)
class RunFolder:
    """What a run keeps on disk.

    Args:
        path: The folder; it need not exist yet.
    """

    path: Path

    @property
    def log(self) -> Path:
        """Everything that the run printed."""
        return self.path / 'train.log'

    @property
    def lock(self) -> Path:
        """The file that the processes of the run hold, see :func:`~.processes.lock_file`."""
        return self.path.with_suffix('.lock')

    @property
    def checkpoint(self) -> str:
        """The last checkpoint, as the run's own ``last_checkpoint`` file names it.

        Raises:
            ResultError: If there is none.
        """
        try:
            return (self.path / 'last_checkpoint').read_text().strip()
        except FileNotFoundError:
            raise ResultError(
                f'{self.path} holds no last_checkpoint: its run has saved nothing.'
            ) from None

    def read_mark(self) -> dict:
        """What the run noted of itself: its fingerprint, whether it is finished, its commit.

        Empty where there is no mark, or a torn one.
        """
        try:
            found = json.loads((self.path / MARK).read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_mark(self, mark: dict) -> None:
        """Write a mark, wholly or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        new = self.path / f'{MARK}.new'
        new.write_text(json.dumps(mark))
        new.replace(self.path / MARK)

    @property
    def is_ours(self) -> bool:
        """Whether the folder may be deleted: it is empty, or a run of ours."""
        if not self.path.is_dir() or self.path.is_symlink():
            return False
        marks = (self.path / MARK, self.path / f'{MARK}.new')
        return any(mark.is_file() for mark in marks) or not any(self.path.iterdir())

    def delete(self) -> None:
        """Delete the folder, if it is ours.

        Raises:
            ForeignFolderError: If it carries no mark of ours. It is left as it is.
        """
        if not self.path.exists() and not self.path.is_symlink():
            return
        if not self.is_ours:
            raise ForeignFolderError(
                f'{self.path} holds no {MARK}, so it is not a run of this program and is left as it is: '
                'move it away, or take another --work-dir.'
            )
        # The mark last: a deletion that is killed must leave a folder that is still ours.
        for path in self.path.iterdir():
            if path.name == MARK:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        (self.path / MARK).unlink(missing_ok=True)
        self.path.rmdir()

    def figures(self) -> list[dict]:
        """Every line of figures that the run logged, over all its starts. Torn lines are left out."""
        found = []
        for path in sorted(self.path.glob('*/vis_data/scalars.json')):
            for line in path.read_text(errors='replace').splitlines():
                with contextlib.suppress(ValueError):
                    row = json.loads(line)
                    if isinstance(row, dict):
                        found.append(row)
        return found

    def curve(self, key: str = 'accuracy/top1') -> dict[int, float]:
        """Step -> a figure as the run logged it. Of a step that was repeated, the last value."""
        rows = [(row.get('step', i), row[key]) for i, row in enumerate(self.figures()) if key in row]
        return dict(sorted(dict(rows).items()))

    def logged(self, key: str = 'accuracy/top1') -> list[float]:
        """The values of a figure that the run logged, by step; the last one last."""
        return list(self.curve(key).values())

    def last_sign_of_life(self) -> float:
        """When the run last wrote to its log or its figures, in seconds since 1970; 0 if never."""
        times = [0.0]
        for file in (self.log, *self.path.glob('*/vis_data/scalars.json')):
            with contextlib.suppress(FileNotFoundError):
                times.append(file.stat().st_mtime)
        return max(times)
