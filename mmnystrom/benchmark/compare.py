"""The benchmark itself: train what a suite names, and report it."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device

from mmnystrom.bridge import cpu_amp

from .buildable import check_builds
from .differences import missing
from .errors import SuiteError, one_message_a_cause
from .options import Options
from .plan import TUNED, Plan, Run
from .progress import duration, say
from .report import write_report
from .scheduler import Scheduler
from .suites import find_suite, read_suite, suite_plan
from .trials import Tuning
from .tuned import earlier_trials, with_tuned
from .tuning import tune, without_papers_weights


def suite_scheduler(options: Options) -> tuple[Scheduler, Config]:
    """The scheduler of a suite's runs, and the suite.

    Raises:
        SuiteError: If the suite makes no sense, the tuned weights cannot be had, or there are too few
            GPUs.
    """
    file = find_suite(options.suite)
    cfg = read_suite(file)
    gpus = list(range(torch.cuda.device_count())) if options.gpus is None else options.gpus
    plan = suite_plan(cfg, file, options)
    rows = plan.reported
    if options.tune or options.tuned:
        rows = [*rows, *(name + TUNED for name in rows)]
    lacks = missing(options.against or (), rows)
    if lacks:
        raise SuiteError(
            f'--against: {", ".join(lacks)} is not among the rows that are compared, which are '
            f'{", ".join(rows)}.'
        )
    if options.tuned and not options.tune:
        plan = _chosen(with_tuned(plan, options.tuned, cfg.title), options)
    scheduler = Scheduler(
        plan,
        jobs=options.jobs or max(2, len(gpus)),
        gpus=gpus,
        ranks=options.ranks or cfg.get('ranks', 1),
        stall_minutes=cfg.get('stall_minutes', 30),
        timeout=options.timeout,
    )
    return scheduler, cfg


def benchmark(options: Options) -> tuple[str, list[str]]:
    """Train what is not trained yet, and report it.

    Returns:
        The report, and why runs failed, a message a cause.

    Raises:
        BenchmarkError: If the suite makes no sense, a config cannot be built, the work directory cannot
            be used, or there is nothing to report.
    """
    start = time.perf_counter()
    scheduler, cfg = suite_scheduler(options)
    title = cfg.title
    trials = _trials(scheduler.plan, cfg, options) if options.tune else None
    if not options.report_only:
        if options.amp and get_device() == 'cpu' and (slow := cpu_amp.warning()):
            say(slow)  # the runs say so too, in logs that nobody reads before hours have gone
        check_builds(scheduler.plan)  # trials and tuned methods differ from these in numbers only
    if trials is not None:
        scheduler = _tuned(scheduler, *trials, options)
    if not options.report_only:
        say(f'{title}: {len(scheduler.plan)} runs, {len(scheduler.slots)} at a time:')
        scheduler.train_all(strict=False, fresh=options.fresh)
    text = write_report(scheduler, title, options.rounds, options.against)
    took = duration(time.perf_counter() - start)
    text = f'\n{text}\n\nFigures and pictures: {scheduler.plan.work_dir}; {took}'
    return text, one_message_a_cause(scheduler.failed.values())


def _trials(plan: Plan, cfg: Config, options: Options) -> tuple[Tuning, dict | None]:
    """How methods are tried, and what was tried before."""
    tuning = Tuning.of(cfg, Path(cfg.filename))
    if not options.tuned:
        return tuning, None
    return tuning, earlier_trials(options.tuned, plan, cfg.title, tuning)


def _tuned(scheduler: Scheduler, tuning: Tuning, earlier: dict | None, options: Options) -> Scheduler:
    """A scheduler of the suite's runs, with the weights that trials choose."""

    def train(plan: Plan) -> dict[Run, str]:
        of_plan = scheduler.of(plan)
        if not options.report_only:
            say(f'{len(plan)} runs of {plan.work_dir}, {len(of_plan.slots)} at a time:')
            of_plan.train_all(strict=False, fresh=options.fresh)
        return of_plan.failed

    return scheduler.of(_chosen(tune(scheduler.plan, tuning, train, earlier), options))


def _chosen(plan: Plan, options: Options) -> Plan:
    """A plan with tuned weights, or with these only."""
    return without_papers_weights(plan) if options.tuned_only else plan
