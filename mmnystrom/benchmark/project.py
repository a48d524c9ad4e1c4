"""Projects: a folder of configs with one file of settings, from images to a student."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .errors import BenchmarkError
from .places import CONFIGS

TEMPLATE = CONFIGS / 'tutorial' / 'project'


class ProjectError(BenchmarkError):
    """A folder in which no project can be begun."""


def new_project(folder: Path) -> str:
    """Copy the project's files into a new folder.

    Args:
        folder: The folder. Its name is that of the project, and of its results below ``work_dirs``.

    Returns:
        What to do next.

    Raises:
        ProjectError: If the folder is there and not empty, or its name has other characters than
            letters, digits, ``_``, ``.`` and ``-``.
    """
    name = folder.resolve().name
    if not re.fullmatch(r'[\w.-]+', name):
        raise ProjectError(
            f'folder={str(folder)!r}: results go to work_dirs/{name}, so that the name may have letters, '
            'digits, "_", "." and "-" only.'
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProjectError(f'folder={str(folder)!r} is there already: give the name of a new one.')
    shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns('__pycache__'))
    settings = folder / 'settings.py'
    settings.write_text(settings.read_text().replace("name = 'my_project'", f'name = {name!r}', 1))
    readme = folder / 'README.md'
    readme.write_text(readme.read_text().replace('my_project', name))
    return (
        f'{folder} is there. Set data_root, the networks and the epochs in {settings}; '
        f'{readme} has the commands.'
    )
