"""How far the runs of a plan are, and for how long they will go on."""

from __future__ import annotations

import time
from collections.abc import Collection

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from .plan import Plan, Run


class Progress:
    """A bar on a terminal, lines elsewhere; both with an estimate of the time that is left.

    The estimate takes the epochs that this start has got through for the rate of those to come.

    Args:
        plan: What is watched.
        failed: The runs that failed; what is left of them is not waited for.
        every: Seconds from one look at the logs to the next. Defaults to 2.
    """

    def __init__(self, plan: Plan, failed: Collection[Run], every: float = 2.0) -> None:
        self.plan = plan
        self.failed = failed
        self.every = every
        self.looked = float('-inf')
        console = Console()
        columns = (TextColumn('{task.description}'), BarColumn(), TextColumn('{task.percentage:3.0f} %'))
        self.bars = Bars(
            *columns,
            TextColumn('{task.fields[left]}'),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            speed_estimate_period=float('inf'),
        )

    def __enter__(self) -> Progress:
        total = sum(run.length for run in self.plan)
        behind, self.ahead = self._look()
        number = self.bars.add_task('training', total=total, completed=behind, left='')
        self.task = self.bars.tasks[number]
        self.bars.start()
        return self

    def __exit__(self, *error) -> None:
        self.bars.stop()

    def _look(self) -> tuple[float, float]:
        """Epochs that all runs have behind them, and that those which have not failed have ahead."""
        behind = {run: run.progress for run in self.plan}
        ahead = sum(run.length - done for run, done in behind.items() if run not in self.failed)
        return sum(behind.values()), ahead

    def update(self) -> None:
        """Look how far the runs are, unless the last look was a moment ago."""
        if time.monotonic() - self.looked < self.every:
            return
        self.looked = time.monotonic()
        behind, self.ahead = self._look()
        self.bars.update(self.task.id, completed=behind, left=self._left())

    def _left(self) -> str:
        speed = self.task.speed
        return f'about {duration(self.ahead / speed)} left' if speed and self.ahead else ''

    def say(self, message: str) -> None:
        """Print a line that stays."""
        self.looked = float('-inf')
        self.update()
        left = self._left() if self.bars.disable else ''
        line = f'{message}; {left}' if left else message
        say(line, self.bars.console)


def say(message: str, console: Console | None = None) -> None:
    """Print a line.

    Args:
        message: The line.
        console: Where. Defaults to None, the standard output.
    """
    (console or Console()).print(message, markup=False, highlight=False, soft_wrap=True)


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
