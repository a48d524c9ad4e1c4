"""The folder of a run: its name, the mark that says it is ours, and its signs of life."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

MARK = 'run.json'


class ForeignFolderError(ValueError):
    """A folder in the place of a run carries no mark of ours."""


def folder_of(method: str) -> str:
    """Name of the folder of a method."""
    return method.replace(' ', '-')


def check_names(methods: Iterable[str]) -> None:
    """Refuse names that are no folder of their own below the work directory.

    Raises:
        ValueError: If a name is empty, holds a separator, ``..`` or a control character, begins with a
            dot or is too long, or two names have the same folder.
    """
    taken: dict[str, str] = {}
    for method in methods:
        odd = not isinstance(method, str) or not method.strip() or not method.isprintable()
        if odd or len(method) > 100 or method[0] == '.' or any(x in method for x in ('..', '/', '\\')):
            raise ValueError(
                f'the method {method!r} cannot be the name of a folder: take 1 to 100 letters, digits, '
                'spaces, +, - or _, without / and \\, without .., and without a dot at the beginning.'
            )
        other = taken.setdefault(folder_of(method), method)
        if other != method:
            raise ValueError(
                f'the methods {other!r} and {method!r} would share the folder {folder_of(method)}: '
                'rename one.'
            )


def read_mark(folder: Path) -> dict:
    """What a run noted of itself; nothing where there is no mark, or a torn one."""
    try:
        found = json.loads((folder / MARK).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_mark(folder: Path, mark: dict) -> None:
    """Write a mark, wholly or not at all."""
    new = folder / f'{MARK}.new'
    new.write_text(json.dumps(mark))
    new.replace(folder / MARK)


def is_ours(folder: Path) -> bool:
    """Whether a folder may be deleted: it is empty, or a run of ours."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    return (folder / MARK).is_file() or (folder / f'{MARK}.new').is_file() or not any(folder.iterdir())


def delete(folder: Path) -> None:
    """Delete a folder that is ours.

    Raises:
        ForeignFolderError: If it carries no mark of ours; it is left as it is.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    if not is_ours(folder):
        raise ForeignFolderError(
            f'{folder} holds no {MARK}, so it is not a run of this program and is left as it is: move it '
            'away, or take another --work-dir.'
        )
    # The mark last: a deletion that is killed must leave a folder that is still ours.
    for path in folder.iterdir():
        if path.name == MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (folder / MARK).unlink(missing_ok=True)
    folder.rmdir()


def read_figures(folder: Path) -> Iterator[dict]:
    """Every line of figures that a run logged, over all its starts; a line that is torn is left out."""
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in path.read_text(errors='replace').splitlines():
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row


def last_sign_of_life(folder: Path) -> float:
    """When a run last wrote to its log or its figures, as seconds since the epoch; 0 if never."""
    files = [folder / 'train.log', *folder.glob('*/vis_data/scalars.json')]
    times = [0.0]
    for file in files:
        try:
            times.append(file.stat().st_mtime)
        except FileNotFoundError:
            continue
    return max(times)
