"""What a benchmark reports of its finished runs: table, figures, pictures."""

from __future__ import annotations

import json

from mmnystrom.plugin.replay.store import gib

from . import figures
from .errors import ResultError
from .evaluate import LAYERS, Result, compare_with, evaluate, measure_costs, top1
from .plan import STUDENT
from .provenance import provenance
from .scheduler import Scheduler
from .tables import difference, markdown_table, mean_std

KD = 'KD'


def write_report(scheduler: Scheduler, title: str, rounds: int) -> str:
    """Evaluate the finished runs of a plan; write results.md, results.json and two pictures.

    Args:
        scheduler: What trained them. It knows which runs failed.
        title: Title of the suite.
        rounds: Rounds of the timing; 0: without.

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
    taught = teachers.features(0)
    teacher = None if taught is None else top1(taught[0]['post-FC'], taught[1])
    measure_costs(plan, results, STUDENT, rounds)
    compare_with(results, (STUDENT, KD))
    text = f'{table(results, teacher)}\n\n{notes(scheduler, results)}'
    found = dict(
        suite=title,
        teacher=teacher,
        rows={name: result.as_dict() for name, result in results.items()},
        failed={str(run): why.splitlines()[0] for run, why in scheduler.failed.items()},
        run_commits=sorted({str(run.folder.read_mark().get('commit')) for run in plan} - {'None'}),
        **provenance(),
    )
    (plan.work_dir / 'results.json').write_text(json.dumps(found, indent=2) + '\n')
    (plan.work_dir / 'results.md').write_text(f'## {title}\n\n{text}\n')
    lost = {run.method for run in scheduler.failed}
    failed = [name for name in plan.reported if name in lost and name not in results]
    figures.accuracy(plan.work_dir / 'accuracy.png', title, results, teacher, failed)
    figures.transfer(plan.work_dir / 'transfer.png', title, results)
    return text


def table(results: dict[str, Result], teacher: float | None) -> str:
    """The results as a Markdown table.

    Args:
        results: Name of a method -> its result.
        teacher: The teacher's top-1, or None.
    """
    head = ['method', 'top-1 last (%)', 'best (%)', 'vs student', 'vs KD']
    head += [*(f'transfer {layer}' for layer in LAYERS), 'time', 'memory', 'extra parameters']
    replayed = any(result.replayed for result in results.values())
    head += ['time replayed', 'stored'] if replayed else []
    lines = [head]
    if teacher is not None:
        lines.append(['teacher', f'{teacher:.2f}', *['-'] * (len(head) - 2)])
    for name, result in results.items():
        line = [name, mean_std(result.top1, 2), mean_std(result.best, 2)]
        line += [difference(result.versus.get(baseline)) for baseline in (STUDENT, KD)]
        line += [mean_std(x, 3) if (x := result.transfer[layer]) else '-' for layer in LAYERS]
        costs = result.costs
        line += [f'{costs[key]:.2f}' if costs else '-' for key in ('time', 'memory')]
        line.append(f'{costs["extra_parameters"]:,}' if costs else '-')
        if replayed:
            line += _replayed(result)
        lines.append(line)
    return markdown_table(lines)


def _replayed(result: Result) -> list[str]:
    if result.replayed is None:
        return ['-', '-']
    if result.replayed.live is not None:
        return ['live', '-']
    time = result.costs.get('time_replayed')
    return ['-' if time is None else f'{time:.2f}', gib(result.replayed.bytes)]


def notes(scheduler: Scheduler, results: dict[str, Result]) -> str:
    """What the table means, and what is missing from it."""
    plan = scheduler.plan
    parts = [
        'top-1: mean ± std over seeds of the test split, at the last epoch, and at the best of those '
        'validated (chosen on the same split, so too good). vs: mean difference by seed and its 95 % '
        'confidence interval. transfer: ||K_S - K_T||_F / ||K_T||_F on the test split, linear kernel. '
        'time, memory: of a training step, in multiples of that of the student alone; extra parameters: '
        'of connectors.'
    ]
    found = {name: result.replayed for name, result in results.items() if result.replayed}
    if found:
        views = ', '.join(sorted({f'{replayed.views}' for replayed in found.values()}))
        parts.append(
            f'Teachers were replayed, {views} views of an image. time: with the live teacher; time '
            'replayed: with its stored outputs, in multiples of the same unit; stored: all views on '
            'disk, which methods share that record the same layers.'
        )
        live = [f'{name} ({replayed.live})' for name, replayed in found.items() if replayed.live]
        if live:
            parts.append(f'With the live teacher, on the same views: {"; ".join(live)}')
    several = [name for name, spec in plan.methods.items() if spec.first]
    if several:
        parts.append(f'{", ".join(several)}: a first stage comes before, whose time is not counted here.')
    diverged = [f'{name} ({result.diverged})' for name, result in results.items() if result.diverged]
    if diverged:
        parts.append(f'Diverged, seeds in brackets: {", ".join(diverged)}.')
    done = {name: len(results[name].seeds) if name in results else 0 for name in plan.reported}
    fewer = [f'{n} ({x} of {len(plan.seeds)} seeds)' for n, x in done.items() if x < len(plan.seeds)]
    if fewer:
        parts.append(f'Not finished: {", ".join(fewer)}.')
    if scheduler.failed:
        parts.append('Failed: ' + '; '.join(why.splitlines()[0] for why in scheduler.failed.values()))
    if scheduler.outdated:
        named = ', '.join(sorted({run.method for run in scheduler.outdated}))
        parts.append(f'Trained by another version of the package (--fresh repeats them): {named}.')
    return '\n\n'.join(parts)
