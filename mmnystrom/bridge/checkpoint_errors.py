"""Break: a checkpoint that cannot be used ends in an error that names no file and no remedy.

Where: ``mmengine/runner/checkpoint.py`` hands on what torch says of a file that is empty, cut off, or no
checkpoint at all (``EOFError``, "failed finding central directory", "Unsupported operand 149"), and an
empty ``last_checkpoint`` as the path ``''``. ``Runner.resume`` asks a file of weights for its epoch
(``KeyError: 'epoch'``), and runs the text in its ``meta['config']`` as Python, which no mmengine writes.
Cure: each becomes a sentence. ``meta['config']`` is dropped before anything reads it.
Can go: once mmengine says it.
"""

from __future__ import annotations

import errno
import functools
import pickle
from contextvars import ContextVar
from pathlib import Path

from ._rebind import rebind

NAME = 'checkpoints that cannot be used, in errors without a name'

#: What a run is resumed by.
RESUMED = ('meta.epoch', 'meta.iter', 'message_hub', 'state_dict')


class UnusableCheckpointError(RuntimeError):
    """A file is no checkpoint, or not one that can be used for this."""


def is_broken() -> bool:
    """Whether mmengine takes an empty ``last_checkpoint`` for the path of a checkpoint."""
    import tempfile

    from mmengine.runner import checkpoint as host

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'last_checkpoint').touch()
        try:
            return host.find_latest_checkpoint(folder) == ''
        except ValueError:
            return False


def apply() -> None:
    """Wrap the loader, the search for the last checkpoint, and the resuming of a run."""
    from mmengine.runner import Runner
    from mmengine.runner import checkpoint as host

    load = host.CheckpointLoader.load_checkpoint.__func__
    host.CheckpointLoader.load_checkpoint = classmethod(_naming_the_file(load))
    find = host.find_latest_checkpoint
    rebind(find, _refusing_an_empty_one(find), 'mmengine')
    Runner.resume = _checking(Runner.resume)


def _naming_the_file(load):
    @functools.wraps(load)
    def load_checkpoint(cls, filename, map_location=None, logger='current'):
        local = Path(filename).expanduser()
        if local.is_dir():
            raise UnusableCheckpointError(f'{filename} is a folder: give the path of a checkpoint in it.')
        try:
            checkpoint = load(cls, filename, map_location, logger)
        except Exception as error:
            if not local.is_file() or not _is_of_a_broken_file(error):
                raise
            raise UnusableCheckpointError(_what_is_wrong(filename, local, error)) from error
        if _resuming.get():  # before the model takes anything of a file that is refused
            _check_resumable(filename, checkpoint)
            checkpoint['meta'].pop('config', None)
        return checkpoint

    return load_checkpoint


def _is_of_a_broken_file(error: Exception) -> bool:
    """Whether torch or its unpickler stumbled: text is an opcode to it, so that anything may be raised.

    Errors of other packages and those of the file system, [Errno 22] apart, say enough themselves.
    """
    if isinstance(error, OSError):
        return error.errno == errno.EINVAL  # what torch says of a file that is cut off
    if isinstance(error, MemoryError):
        return False
    return type(error).__module__ in ('builtins', 'struct', 'zipfile', pickle.UnpicklingError.__module__)


def _what_is_wrong(filename: str, local: Path, error: Exception) -> str:
    size = local.stat().st_size
    with local.open('rb') as file:
        start = file.read(4)
    killed = 'A run that is killed, or a full disk, leaves such a file: take another checkpoint'
    if not size:
        return f'{filename} is empty. {killed}.'
    cut = isinstance(error, (OSError, EOFError)) or 'central directory' in str(error)
    if cut and start[:1] in (b'P', b'\x80'):  # torch's format, and the one before torch 1.6
        return f'{filename} ({size} bytes) is cut off or damaged. {killed}, or download it again.'
    if isinstance(error, RuntimeError) or start == b'PK\x03\x04':
        return f'{filename} cannot be loaded: {str(error).splitlines()[0]}'
    return (
        f'{filename} ({size} bytes) is no checkpoint: it is a plain pickle, or another kind of file. In '
        'the program that made it, write it with torch.save(state_dict, path).'
    )


def _refusing_an_empty_one(find):
    @functools.wraps(find)
    def find_latest_checkpoint(path):
        found = find(path)
        if found == '':
            raise ValueError(
                f'{Path(path) / "last_checkpoint"} is empty, so --resume finds no checkpoint: write the '
                'path of the newest epoch_*.pth into it, or delete it to start anew.'
            )
        return found

    return find_latest_checkpoint


#: Whether the checkpoint that is being loaded is one to resume from.
_resuming: ContextVar[bool] = ContextVar('resuming', default=False)


def _checking(resume):
    @functools.wraps(resume)
    def checked(self, *args, **kwargs):
        token = _resuming.set(True)
        try:
            return resume(self, *args, **kwargs)
        finally:
            _resuming.reset(token)

    return checked


def _check_resumable(filename: str, checkpoint: dict) -> None:
    missing = []
    for name in RESUMED:
        found = checkpoint
        for key in name.split('.'):
            found = found.get(key) if isinstance(found, dict) else None
        if found is None:
            missing.append(name)
    if missing:
        raise UnusableCheckpointError(
            f'{filename} holds no {", ".join(missing)}, so no run can be resumed from it: it is not a '
            'checkpoint of training. To begin with its weights, give it as load_from without --resume.'
        )
