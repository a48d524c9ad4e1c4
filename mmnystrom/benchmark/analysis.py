"""What the demo and the tables of tools/analysis share: a run that fails does not cost the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from .errors import one_message_a_cause
from .plan import Plan, Run
from .progress import duration, say
from .scheduler import Scheduler


def train_and_report(
    plan: Plan, jobs: int, report: Callable[[Plan, Mapping[Run, str]], str], fresh: bool = False
) -> tuple[str, list[str]]:
    """Train what is not trained yet, and report what is finished.

    Args:
        plan: What is trained.
        jobs: Runs at a time.
        report: Takes the plan and, run -> why, the runs that failed; writes its files, and returns the
            table.
        fresh: Whether finished runs are repeated. Defaults to False.

    Returns:
        The table and how long it took, and why runs failed, a message a cause.

    Raises:
        BenchmarkError: If the folder of a run cannot be used, or a checkpoint contradicts its log.
    """
    start = time.perf_counter()
    say(f'{len(plan)} runs of tools/train.py, {jobs} at a time:')
    scheduler = Scheduler(plan, jobs)
    scheduler.train_all(strict=False, fresh=fresh)
    text = report(plan, scheduler.failed)
    took = duration(time.perf_counter() - start)
    return f'\n{text}\n\n{took}', one_message_a_cause(scheduler.failed.values())
