"""Processes that end with the command that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

WORKER = """
import time
from mmnystrom.benchmark.processes import end_with_parent
end_with_parent(0.05)
print('busy', flush=True)
time.sleep(60)
"""
COMMAND = f"""
import subprocess, sys
worker = subprocess.Popen([sys.executable, '-c', {WORKER!r}], stdout=subprocess.PIPE, text=True)
worker.stdout.readline()
print(worker.pid, flush=True)
worker.wait()
"""


def running(pid):
    """Whether a process is there, and no zombie."""
    try:
        os.kill(pid, 0)
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_worker_ends_with_its_command_whatever_it_is_at():
    with subprocess.Popen([sys.executable, '-c', COMMAND], stdout=subprocess.PIPE, text=True) as command:
        worker = int(command.stdout.readline())
        assert running(worker)
        command.send_signal(signal.SIGKILL)
        command.wait()
        until = time.monotonic() + 20
        while running(worker) and time.monotonic() < until:
            time.sleep(0.05)
        assert not running(worker)
