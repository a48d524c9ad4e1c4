"""What a benchmark reports of its finished runs: table, figures, pictures."""

from __future__ import annotations

import json
import statistics

from mmnystrom.plugin.replay.store import gib

from . import figures
from .errors import ResultError
from .evaluate import LAYERS, Result, compare_with, evaluate, measure_costs, top1
from .plan import STUDENT, Plan
from .provenance import provenance
from .scheduler import Scheduler
from .tables import difference, markdown_table, mean_std, resolution
from .validation import GIVEN

KD = 'KD'


def write_report(scheduler: Scheduler, title: str, rounds: int, tuning: dict | None = None) -> str:
    """Evaluate the finished runs of a plan; write results.md, results.json and the pictures.

    Args:
        scheduler: What trained them. It knows which runs failed.
        title: Title of the suite.
        rounds: Rounds of the timing; 0: without.
        tuning: What was tried, see :func:`~.tuning.tune`. Defaults to None, nothing.

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
    images = 0 if taught is None else len(taught[1])
    text = f'{table(results, teacher)}\n\n{notes(scheduler, results, images)}'
    if tuning is not None:
        text += f'\n\n{tuning_note(tuning)}'
        figures.tuning(plan.work_dir / 'tuning.png', title, tuning)
    found = dict(
        suite=title,
        teacher=teacher,
        rows={name: result.as_dict() for name, result in results.items()},
        **({} if tuning is None else dict(tuning=tuning)),
        **({} if plan.validation is None else dict(validation=plan.validation)),
        failed={str(run): why.splitlines()[0] for run, why in scheduler.failed.items()},
        run_commits=_marks(plan, 'commit'),
        run_machines=_marks(plan, 'machine'),
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


def tuning_note(tuning: dict) -> str:
    """What was tried, and chosen."""
    parts = [
        f'Tuned: {tuning["trials"]} trials of each method, factors '
        f'{", ".join(f"{factor:.3g}" for factor in tuning["factors"])} of its own loss weights (student '
        f'alone: of the weight decay), {tuning["seeds"]} seeds, scored on '
        f'{100 * tuning["validation"]:.3g} % of the training images, held out. Chosen: '
        + ', '.join(f'{name} x{factor:.3g}' for name, factor in tuning['chosen'].items())
        + '. A method at x1 keeps the weights of its paper, and has no row of its own. A tuned row is '
        'compared with the tuned baseline.'
    ]
    if tuning['teacher'] == 'given':
        parts.append(GIVEN)
    edges = {tuning['factors'][0], tuning['factors'][-1]}
    edge = [name for name, factor in tuning['chosen'].items() if factor in edges]
    if edge:
        parts.append(f'At the edge of the grid, so that the best may lie beyond: {", ".join(edge)}.')
    if tuning['failed']:
        why = '; '.join(tuning['failed'].values())
        parts.append(f'Trials that failed, and count as 0: {why}')
    return '\n\n'.join(parts)


def notes(scheduler: Scheduler, results: dict[str, Result], images: int = 0) -> str:
    """What the table means, and what is missing from it.

    Args:
        scheduler: What trained the runs.
        results: Name of a method -> its result.
        images: On which the runs are scored. Defaults to 0, unknown.
    """
    plan = scheduler.plan
    scored = 'the test split' if plan.validation is None else 'the images held out'
    parts = [
        f'top-1: mean ± std over seeds on {scored}, at the last epoch, and at the best of those '
        'validated (chosen on the same images, so too good). vs: mean difference by seed and its 95 % '
        f'confidence interval. transfer: ||K_S - K_T||_F / ||K_T||_F on {scored}, linear kernel. '
        'time, memory: of a training step, in multiples of that of the student alone; extra parameters: '
        'of connectors.'
    ]
    if any('p_holm' in found for result in results.values() for found in result.versus.values()):
        parts[0] += ' A star: other than 0 even though so many were compared (Holm, 5 %).'
    if images and STUDENT in results:
        points = resolution(statistics.mean(results[STUDENT].top1), images)
        parts[0] += (
            f' {images:,} images by themselves tell two networks apart from {points:.1f} points on.'
        )
    if plan.validation is not None:
        share = f'{100 * plan.validation:.3g} %'
        parts.append(f'{share} of the training images are held out; the test split is not read.')
        if plan.teacher is not None:
            parts.append(GIVEN)
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


def _marks(plan: Plan, key: str) -> list[str]:
    """What the runs have noted of themselves: a report may be made on another machine."""
    return sorted({str(run.folder.read_mark().get(key)) for run in plan} - {'None'})
