"""Runs that begin with everything imported: forks of one process that has imported it.

To import torch and OpenMMLab takes seconds, as long as a short run on a small data set trains. The
process that is forked imports and does nothing else: no thread of its own, no tensor, and no CUDA, which
does not survive a fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch

from mmnystrom.bridge import install

from .processes import end_group

#: What a run imports, sooner or later.
PRELOADED = (
    'mmengine.runner',
    'mmpretrain.engine',
    'mmpretrain.evaluation',
    'mmrazor.engine',
    'mmrazor.models',
    'mmnystrom.plugin',
)
#: The largest message between the two processes, in bytes.
_LIMIT = 1 << 20


class WarmRun:
    """A run that was forked. It looks like a ``subprocess.Popen`` as far as a scheduler needs one.

    Attributes:
        pid (int): Number of its process, and of its process group.
        returncode (int): How it ended, as of ``subprocess.Popen``; None while it goes on.
    """

    def __init__(self, pid: int, warm: Warm) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._warm = warm

    def poll(self) -> int | None:
        """How it ended, or None."""
        self._warm.receive(block=False)
        return self.returncode

    def wait(self) -> int:
        """Wait for its end."""
        while self.returncode is None:
            self._warm.receive(block=True)
        return self.returncode


class Warm:
    """A process that has imported what a run needs, and forks one each time that it is asked.

    A run outlives it, and the program that has asked, as one of ``subprocess.Popen`` does.

    Args:
        environment: The environment of the runs.

    Raises:
        OSError: If the process does not start.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # torch would otherwise ask CUDA itself at import, and no fork could use CUDA any more.
        environment = {**environment, 'PYTORCH_NVML_BASED_CUDA_CHECK': '1'}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, '-m', __name__, str(theirs.fileno())],
                env=environment,
                pass_fds=[theirs.fileno()],
                # What imports say would stand among the lines of the program. If they fail, the runs are
                # started by themselves, and say so in their logs.
                **dict.fromkeys(('stdin', 'stdout', 'stderr'), subprocess.DEVNULL),
                start_new_session=True,
            )
        self._runs: dict[int, WarmRun] = {}
        self._forked: int | None = None

    @staticmethod
    def possible() -> bool:
        """Whether forks are safe here: macOS forbids them to a process that has loaded its libraries."""
        return sys.platform == 'linux'

    def start(
        self,
        command: Sequence[str],
        output: IO,
        lock: IO,
        errors: IO | None = None,
        environment: dict[str, str] | None = None,
        directory: Path | None = None,
    ) -> WarmRun:
        """Fork a run of a script.

        Args:
            command: Path of the script, and its arguments.
            output: The file that takes what it prints.
            lock: A file that it holds open.
            errors: The file that takes what it prints to stderr. Defaults to None, ``output``.
            environment: What differs in its environment. Defaults to None, nothing.
            directory: Where it works. Defaults to None, where the process does.

        Raises:
            OSError: If the process that forks has died.
        """
        request = json.dumps([list(command), environment or {}, str(directory or '')]).encode()
        files = [output.fileno(), (errors or output).fileno(), lock.fileno()]
        self._forked = None
        socket.send_fds(self._socket, [request], files)
        while self._forked is None:
            if not self.receive(block=True):
                raise BrokenPipeError('the process that forks runs has died')
        return self._runs[self._forked]

    def receive(self, block: bool) -> bool:
        """Take what the process says of its forks; whether it still lives."""
        while True:
            try:
                message = self._socket.recv(_LIMIT, 0 if block else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return True
            except ConnectionError:
                message = b''
            if not message:
                self._lose()
                return False
            pid, code = json.loads(message)
            if code is None:
                self._runs[pid] = WarmRun(pid, self)
                self._forked = pid
            else:
                self._runs.pop(pid).returncode = code
            if block:
                return True

    def _lose(self) -> None:
        """Nobody can say any more how the runs end: they are ended, and count as killed."""
        for pid, run in self._runs.items():
            end_group(pid)
            run.returncode = -signal.SIGKILL
        self._runs = {}

    def close(self) -> None:
        """End the process.

        Its runs go on, but for one whose start was interrupted: nobody knows of that one.
        """
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)  # from here on the process cannot tell of a fork
            while message := self._socket.recv(_LIMIT, socket.MSG_DONTWAIT):
                pid, code = json.loads(message)
                if code is None and pid not in self._runs:
                    _kill(pid)
        self._socket.close()
        self._process.wait()


def _serve(connection: socket.socket) -> list[str] | None:
    """Fork a process for each request.

    Returns:
        In a fork, the command of its run; in the process itself None, once nobody asks any more.
    """
    connection.settimeout(0.1)
    while True:
        try:
            message, files, _, _ = socket.recv_fds(connection, _LIMIT, 3)
        except TimeoutError:
            message = None
        except ConnectionError:
            return None
        if message == b'':
            return None
        try:
            if message is not None:
                command, environment, directory = json.loads(message)
                pid = os.fork()
                if not pid:
                    connection.close()
                    _become(command, environment, directory, *files)
                    return command
                for file in files:
                    os.close(file)
                try:
                    connection.send(json.dumps([pid, None]).encode())
                except OSError:
                    _kill(pid)
                    raise
            _tell_of_the_dead(connection)
        except (BrokenPipeError, ConnectionError):
            return None


def _kill(pid: int) -> None:
    """End a run that has hardly begun."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _tell_of_the_dead(connection: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        connection.send(json.dumps([pid, os.waitstatus_to_exitcode(status)]).encode())


def _become(
    command: list[str], environment: dict[str, str], directory: str, output: int, errors: int, lock: int
) -> None:
    """Make a fork a process like one that was started: its own session, output and environment."""
    os.setsid()
    for file, target in ((output, 1), (errors, 2)):
        os.dup2(file, target)
        os.close(file)
    os.set_inheritable(lock, True)  # its data loaders hold it, too
    os.environ.update(environment)
    if directory:
        os.chdir(directory)
    os.environ.pop('PYTORCH_NVML_BASED_CUDA_CHECK', None)
    if _has_lost_cuda():
        os.execv(sys.executable, [sys.executable, *command])
    np.random.seed()  # each fork would draw the same; Python's own generator sees to it itself
    torch.seed()
    sys.argv = command
    sys.path[0] = str(Path(command[0]).parent)  # and not the folder that the program was started in


def _has_lost_cuda() -> bool:
    from mmengine.device import is_cuda_available  # a fork has it imported

    return is_cuda_available() and not torch.cuda.is_available()


def _import() -> None:
    install()
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # what is imported: forks would copy its memory when they collect garbage


def main() -> None:
    """What is forked, and what a fork does."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    _import()
    command = _serve(connection)
    if command is not None:
        runpy.run_path(command[0], run_name='__main__')


if __name__ == '__main__':
    main()
