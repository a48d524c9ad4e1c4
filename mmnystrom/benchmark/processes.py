"""Processes that outlive the program that started them: a lock that they hold, and their end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import threading
import time
from pathlib import Path
from typing import IO

from .errors import WorkDirError


def lock_file(path: Path) -> IO:
    """An open, locked file. A process that still holds the lock from an earlier start is ended first.

    The lock belongs to the open file: every process that inherits the file keeps it locked. The file
    holds the number of the process group to end.

    Raises:
        WorkDirError: If the holder does not end.
    """
    file = path.open('a+')
    for attempt in range(3):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            file.seek(0)
            pid = file.read().strip()
            if pid.isdigit():
                end_group(int(pid))
            else:
                time.sleep(1 + attempt)
    file.close()
    raise WorkDirError(f'{path} is held by a process that does not end: end it and start again.')


@contextlib.contextmanager
def exclusive(folder: Path):
    """Hold a folder for this program alone.

    Raises:
        WorkDirError: If the folder is a file, or another program holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise WorkDirError(f'--work-dir={folder} is a file: give a folder.') from None
    with (folder / '.lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkDirError(f'{folder} is in use by another program of this kind.') from None
        yield


@contextlib.contextmanager
def interrupted_by_signals():
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, unless they are ignored, as under nohup."""
    previous = {sig: signal.getsignal(sig) for sig in (signal.SIGTERM, signal.SIGHUP)}
    for sig, handler in previous.items():
        if handler is not signal.SIG_IGN:
            signal.signal(sig, _interrupt)
    try:
        yield
    finally:
        for sig, handler in previous.items():
            signal.signal(sig, handler)


def _interrupt(number, frame) -> None:
    raise KeyboardInterrupt


def end_with_parent(seconds: float = 1.0) -> None:
    """Let this process end soon after the one that started it: a pool's worker goes on with its task.

    Args:
        seconds: How often it looks. Defaults to 1.0.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name='end_with_parent').start()


def end_group(pid: int, patience: float = 10.0) -> None:
    """End a process and all of its group, gently first.

    Args:
        pid: Number of the group.
        patience: Seconds between SIGTERM and SIGKILL. Defaults to 10.
    """
    for sig in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, sig)
        except (ProcessLookupError, PermissionError):
            return
        until = time.perf_counter() + patience
        while time.perf_counter() < until:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            try:
                os.killpg(pid, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.1)


def signal_name(number: int) -> str:
    """Name of a signal.

    Example:
        >>> signal_name(9)
        'SIGKILL'
    """
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return 'unknown'
