"""Processes that outlive the program that started them: a lock that they hold, and their end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import IO


def lock_file(path: Path) -> IO:
    """An open, locked file; a process that still holds it from an earlier start is ended first.

    The lock belongs to the open file, so that every process that inherits it keeps it locked. The
    file is to hold the number of the process group to end.

    Raises:
        SystemExit: If whoever holds it does not end.
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
    raise SystemExit(f'{path} is held by a process that does not end: end it and start again.')


def end_group(pid: int, patience: float = 10.0) -> None:
    """End a process and all of its group, gently first."""
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
