"""Where a result comes from: versions, device, commit, command, and a hash of the code."""

from __future__ import annotations

import functools
import hashlib
import platform
import shlex
import shutil
import subprocess
import sys

import mmengine
import mmpretrain
import mmrazor
import torch
from mmengine.device import get_device

from mmnystrom.bridge import threads
from mmnystrom.version import __version__

from .places import PACKAGE, ROOT

#: The rooms that a training run is made of. An edit of a report must not mark a run as outdated.
ROOMS = ('core', 'plugin', 'bridge')


def machine() -> str:
    """The GPU, or the kind of processor, and how many cores this process may use."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    cores = threads.usable_cores()
    return f'{name}, {cores} CPU core{"s" * (cores != 1)}'


def provenance() -> dict:
    """Versions, device, commit and command, for a file of results."""
    versions = {
        package.__name__: package.__version__ for package in (torch, mmengine, mmpretrain, mmrazor)
    }
    return dict(
        versions=dict(python=platform.python_version(), mmnystrom=__version__, **versions),
        device=get_device(),
        machine=machine(),
        commit=commit(),
        command=shlex.join(['python', *sys.argv]),
    )


def commit() -> str | None:
    """The commit of this clone, with a + where tracked files were changed since; None outside of one."""
    if shutil.which('git') is None or not (ROOT / '.git').exists():
        return None
    head = _git('rev-parse', '--short', 'HEAD')
    return f'{head}+' if head and _git('status', '--porcelain', '--untracked-files=no') else head


def _git(*arguments: str) -> str | None:
    found = subprocess.run(['git', '-C', str(ROOT), *arguments], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else None


@functools.cache
def code_fingerprint() -> str:
    """Hash of the code that trains: core, plugin and bridge, wherever the package is installed."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((PACKAGE / room).rglob('*.py')):
            digest.update(path.read_bytes())
    return digest.hexdigest()
