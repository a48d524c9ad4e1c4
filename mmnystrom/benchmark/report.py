"""What a benchmark reports of its finished runs: table, figures, pictures."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from . import figures
from .differences import BASELINES, row_of
from .errors import ResultError, first_lines
from .evaluate import evaluate, measure_costs
from .plan import STUDENT, Plan
from .provenance import provenance
from .report_table import legend, replay_notes, table, tuning_note
from .result import Result, compare_top1, top1
from .scatter import Scatter
from .scheduler import Scheduler
from .tables import if_fewer
from .validation import GIVEN


def write_report(
    scheduler: Scheduler, title: str, rounds: int, against: Sequence[str] | None = None
) -> str:
    """Evaluate the finished runs of a plan; write results.md, results.json and the pictures.

    Args:
        scheduler: What trained them. It knows which runs failed.
        title: Title of the suite.
        rounds: Rounds of the timing; 0: without.
        against: Methods that the others are compared with. Defaults to None, the student alone and KD.

    Returns:
        The table with its notes, Markdown.

    Raises:
        ResultError: If no run is finished, or a checkpoint contradicts what its run logged.
    """
    plan = scheduler.plan
    results, teachers = evaluate(plan, plan.reported)
    if not results:
        why = '\n'.join(scheduler.failed.values()) or 'start it without --report-only'
        raise ResultError(f'{plan.work_dir} holds no finished run: {why}')
    taught = teachers.features(plan.seeds[0])
    of_teacher = [] if taught is None else [top1(taught[0]['post-FC'], taught[1])]
    measure_costs(plan, results, row_of(STUDENT, results), rounds)
    baselines = against or BASELINES
    scatter = compare_top1(results, baselines)
    images = 0 if taught is None else len(taught[1])
    text = f'{table(results, of_teacher, baselines)}\n\n{notes(scheduler, results, images, scatter)}'
    if plan.tuning is not None:
        text += f'\n\n{tuning_note(plan.tuning)}'
    found = dict(
        **shown(title, of_teacher, results, scatter, plan.tuning, plan.validation),
        teacher_given=plan.teacher is not None,
        teacher_weights={str(seed): teachers.weights(seed) for seed in plan.seeds},
        images=images,
        recipes={name: plan.of(name)[0].recipe for name in results},
        failed=first_lines(scheduler.failed),
        run_commits=_marks(plan, 'commit'),
        run_machines=_marks(plan, 'machine'),
        **provenance(),
    )
    lost = {run.method for run in scheduler.failed}
    failed = [name for name in plan.reported if name in lost and name not in results]
    write_files(plan.work_dir, found, text, results, failed)
    return text


def shown(
    title: str,
    teachers: Sequence[float],
    results: dict[str, Result],
    scatter: Scatter | None = None,
    tuning: dict | None = None,
    validation: float | None = None,
) -> dict:
    """What every results.json has: what its table and pictures show.

    Args:
        title: Title of the suite.
        teachers: Top-1 of every teacher.
        results: Name of a method -> its result.
        scatter: How far runs scatter. Left out if it is None, the default.
        tuning: What was tried, see :func:`~.tuning.tune`. Left out if it is None, the default.
        validation: Share of the training images on which the runs are scored. Left out if it is None, the
            default: it is the test split.
    """
    found = dict(
        suite=title,
        teacher=statistics.mean(teachers) if teachers else None,
        rows={name: result.as_dict() for name, result in results.items()},
    )
    scattered = None if scatter is None else asdict(scatter)
    more = dict(scatter=scattered, tuning=tuning, validation=validation)
    return {**found, **{key: value for key, value in more.items() if value is not None}}


def write_files(
    folder: Path, found: dict, text: str, results: dict[str, Result], failed: Sequence[str] = ()
) -> None:
    """Write results.json, results.md and the pictures.

    Args:
        folder: Where they go.
        found: What results.json holds, with ``suite``, the title, and ``teacher``, its top-1 or None.
        text: The table with its notes.
        results: Name of a method -> its result.
        failed: Names of the methods without a result. Defaults to none.
    """
    title, teacher = found['suite'], found['teacher']
    (folder / 'results.json').write_text(json.dumps(found, indent=2) + '\n')
    (folder / 'results.md').write_text(f'## {title}\n\n{text}\n')
    figures.accuracy(folder / 'accuracy.png', title, results, teacher, failed)
    figures.transfer(folder / 'transfer.png', title, results)
    if found.get('tuning') is not None:
        figures.tuning(folder / 'tuning.png', title, found['tuning'])


def notes(
    scheduler: Scheduler, results: dict[str, Result], images: int = 0, scatter: Scatter | None = None
) -> str:
    """What the table means, and what is missing from it.

    Args:
        scheduler: What trained the runs.
        results: Name of a method -> its result.
        images: On which the runs are scored. Defaults to 0, unknown.
        scatter: How far runs scatter. Defaults to None, unknown.
    """
    plan = scheduler.plan
    parts = [legend(results, plan.validation, images, scatter)]
    if plan.validation is not None and plan.teacher is not None:
        parts.append(GIVEN)
    parts += replay_notes(results)
    several = [name for name, spec in plan.methods.items() if spec.first]
    if several:
        parts.append(f'{", ".join(several)}: a first stage comes before, whose time is not counted here.')
    done = {name: len(results[name].seeds) if name in results else 0 for name in plan.reported}
    fewer = [name + lacks for name, n in done.items() if (lacks := if_fewer(n, len(plan.seeds)))]
    if fewer:
        parts.append(f'Not finished: {", ".join(fewer)}.')
    if scheduler.failed:
        parts.append('Failed: ' + '; '.join(first_lines(scheduler.failed).values()))
    if scheduler.outdated:
        named = ', '.join(sorted({run.method for run in scheduler.outdated}))
        parts.append(f'Trained by another version of the package (--fresh repeats them): {named}.')
    return '\n\n'.join(parts)


def _marks(plan: Plan, key: str) -> list[str]:
    """What the runs have noted of themselves: a report may be made on another machine."""
    return sorted({str(run.folder.read_mark().get(key)) for run in plan} - {'None'})
