"""Threads of a run on the CPU: no more than cores are free.

torch takes a thread for every core that it sees. In a container that may use two of sixty-four cores, or
beside other programs, threads then wait for each other at every operation: 5.3 s an iteration in the
place of 0.34 was seen.
"""

from __future__ import annotations

import functools
import math
import os
import time
from pathlib import Path

#: With one of these, or on several ranks, somebody has chosen.
CHOSEN = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'LOCAL_RANK', 'RANK')
#: How long cores are watched, in seconds.
WATCH = 0.3


def choose() -> None:
    """Let the runs of this process use as many threads as cores are free, and say so in their log.

    Nothing is done where an accelerator is, or where ``OMP_NUM_THREADS`` or the like is set.
    """
    from mmengine.runner import Runner

    if any(name in os.environ for name in CHOSEN):
        return
    build = Runner.__init__

    @functools.wraps(build)
    def build_with_free_cores(self, *args, **kwargs):
        changed = _take_free_cores()
        build(self, *args, **kwargs)
        if changed:
            self.logger.info(changed)

    Runner.__init__ = build_with_free_cores


def _take_free_cores() -> str | None:
    import torch
    from mmengine.device import get_device

    usual = get_threads()
    if get_device() != 'cpu' or usual == 1:
        return None
    free, usable = free_cores()
    if free >= usual:
        return None
    torch.set_num_threads(free)
    return (
        f'torch uses {free} threads in the place of {usual}: so many cores are free, of {usable} that '
        'this process may use. Set OMP_NUM_THREADS to choose. Threads change results by rounding.'
    )


def get_threads() -> int:
    """Threads that torch's operations use."""
    import torch

    return torch.get_num_threads()


def free_cores() -> tuple[int, int]:
    """Cores that nobody uses, at least 1, and cores that this process may use."""
    usable = usable_cores()
    before = _busy_and_all()
    time.sleep(WATCH)
    after = _busy_and_all()
    if before is None or after is None or after[1] <= before[1]:
        return usable, usable
    busy = (after[0] - before[0]) / (after[1] - before[1])
    cores = len(_affinity())
    # A core that is half used is free.
    return max(1, min(usable, round(cores * (1 - busy)))), usable


def usable_cores(root: Path = Path('/sys/fs/cgroup')) -> int:
    """Cores that this process may use, by its affinity and by the quota of its container."""
    cores = len(_affinity())
    for quota, period in (('cpu.max', None), ('cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us')):
        try:
            numbers = (root / quota).read_text().split()
            if period is not None:
                numbers += (root / period).read_text().split()
            limit = math.ceil(int(numbers[0]) / int(numbers[1]))
        except (OSError, ValueError, IndexError, ZeroDivisionError):  # 'max', or no such file
            continue
        if limit > 0:
            cores = min(cores, limit)
    return cores


def _affinity() -> set[int]:
    if hasattr(os, 'sched_getaffinity'):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _busy_and_all(stat: Path = Path('/proc/stat')) -> tuple[int, int] | None:
    """Ticks of the cores of this process: in use, and all; None where there is no such file."""
    try:
        lines = stat.read_text().splitlines()
    except OSError:
        return None
    names = {f'cpu{number}' for number in _affinity()}
    busy = total = 0
    for line in lines:
        name, *ticks = line.split()
        if name in names:
            numbers = [int(tick) for tick in ticks[:8]]
            total += sum(numbers)
            busy += sum(numbers) - numbers[3] - numbers[4]  # idle, and waiting for a disk
    return (busy, total) if total else None
