"""How far a set of runs is, and for how long they will go on."""

from __future__ import annotations

import sys
import time


class Progress:
    """A bar on a terminal, lines elsewhere; both with an estimate of the time that is left.

    The estimate takes the epochs that this start has got through for the rate of those to come.

    Args:
        runs: What is watched: ``all()``, ``length(method)``, ``progress_of(method, seed)``, ``failed``.
    """

    every = 2.0

    def __init__(self, runs) -> None:
        self.runs = runs
        self.start = time.perf_counter()
        self.looked = -self.every
        self.left: float | None = None
        self.bar = None

    def __enter__(self):
        self.total = sum(self.runs.length(method) for method, _ in self.runs.all())
        self.before = self._behind()
        if sys.stdout.isatty():
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = ('{task.description}', BarColumn(), TextColumn('{task.percentage:3.0f} %'))
            self.bar = Bar(*columns, TextColumn('{task.fields[left]}'), transient=True)
            self.bar.start()
            self.task = self.bar.add_task('training', total=self.total, left='')
        return self

    def __exit__(self, *error) -> None:
        if self.bar is not None:
            self.bar.stop()

    def _behind(self) -> float:
        return sum(self.runs.progress_of(*run) for run in self.runs.all())

    def update(self) -> None:
        """Look how far the runs are, not too often."""
        if time.perf_counter() - self.looked < self.every:
            return
        self.looked = time.perf_counter()
        behind = self._behind()
        lost = sum(self.runs.length(method) for method, _ in self.runs.failed)
        if behind > self.before:
            rate = (behind - self.before) / (self.looked - self.start)
            self.left = max(self.total - lost - behind, 0) / rate
        if self.bar is not None:
            self.bar.update(self.task, completed=behind + lost, left=self._left())

    def _left(self) -> str:
        return '' if self.left is None else f'about {duration(self.left)} left'

    def say(self, message: str) -> None:
        """One line for good."""
        self.looked = -self.every
        self.update()
        if self.bar is not None:
            self.bar.console.print(message, markup=False, highlight=False)
        else:
            left = self._left()
            print(message + (f'; {left}' if left else ''), flush=True)


def duration(seconds: float) -> str:
    """A time span as one reads it.

    Example:
        >>> duration(42), duration(150), duration(7260)
        ('42 s', '2 min', '2 h 1 min')
    """
    if seconds < 100:
        return f'{seconds:.0f} s'
    minutes = int(seconds // 60)
    return f'{minutes} min' if minutes < 100 else f'{minutes // 60} h {minutes % 60} min'
