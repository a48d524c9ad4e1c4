"""What tools/benchmark.py reports of its finished runs: table, figures, pictures."""

from __future__ import annotations

import gc
import json
import statistics

import benchmark_pictures as pictures
from benchmark import STUDENT
from demo_report import LAYERS, features, finished, mean_std, provenance, top1
from runs import TEACHER, Runs, markdown_table
from scipy import stats
from step_costs import extra_parameters, make_step, peak_memory, times

from mmnystrom.core import kernel_transfer

KD = 'KD'


def write(runs: Runs, title: str, rounds: int) -> str:
    """Evaluate finished runs; write results.md, results.json and the pictures; return the table."""
    rows, teacher = evaluate(runs)
    if not rows:
        why = '\n'.join(runs.failed.values()) or 'start it without --report-only'
        raise SystemExit(f'{runs.work_dir} holds no finished run: {why}')
    costs = measure_costs(runs, rows, rounds) if rounds else {}
    for name, cost in costs.items():
        rows[name].update(cost)
    for name, row in rows.items():
        for baseline in (STUDENT, KD):
            if name != baseline and baseline in rows:
                pair = same_seeds(row, rows[baseline])
                if pair[0]:
                    row[f'vs {baseline}'] = paired(*pair)
    text = table(rows, teacher) + notes(runs, rows)
    failed = {f'{m}, seed {s}': why.splitlines()[0] for (m, s), why in runs.failed.items()}
    commits = sorted({str(runs.mark(*run).get('commit')) for run in runs.all()} - {'None'})
    result = dict(suite=title, teacher=teacher, rows=rows, failed=failed, run_commits=commits)
    (runs.work_dir / 'results.json').write_text(json.dumps({**result, **provenance()}, indent=2) + '\n')
    (runs.work_dir / 'results.md').write_text(f'## {title}\n\n{text}\n')
    pictures.accuracy(runs.work_dir / 'accuracy.png', title, rows, teacher)
    pictures.transfer(runs.work_dir / 'transfer.png', title, rows)
    return text


def shown(runs: Runs) -> list[str]:
    """The methods of the table: no teacher, and of two stages only the second."""
    first = {spec.first for spec in runs.methods.values()}
    return [name for name in runs.methods if name != TEACHER and name not in first]


def options(runs: Runs) -> dict:
    """What every run changes in its config, as a config takes it."""
    from mmengine.config import DictAction

    pairs = (option.split('=', 1) for option in runs.more_options)
    found = {key: DictAction._parse_iterable(value) for key, value in pairs}
    if '--amp' in runs.arguments:
        found['optim_wrapper.type'] = 'AmpOptimWrapper'
    return found


def evaluate(runs: Runs) -> tuple[dict, float | None]:
    """Name -> figures of every finished seed, and the teacher's top-1.

    ``top1`` and ``transfer`` are of the last checkpoint, on the test split; ``best`` is the highest
    that a validation logged; ``diverged`` names the seeds whose logits are no numbers any more.
    """
    rows, taught, teacher = {}, {}, None
    for name in sorted(shown(runs), key=lambda name: not runs.methods[name].distilled):
        row = dict(seeds=[], diverged=[], top1=[], best=[], transfer={layer: [] for layer in LAYERS})
        for seed in runs.seeds:
            if not runs.finished(name, seed):
                continue
            config, checkpoint = runs.methods[name].config, runs.checkpoint(name, seed)
            runner = finished(runs.work_dir, config, checkpoint, options(runs))
            if not taught and runs.methods[name].distilled:
                taught, labels = features(runner, 'teacher')
                teacher = top1(taught, labels)
            found, labels = features(runner)
            logged = runs.logged(name, seed)
            row['seeds'].append(seed)
            row['top1'].append(top1(found, labels))
            row['best'].append(max(logged))
            # Two images: a GPU need not add up twice in the same order.
            if abs(row['top1'][-1] - logged[-1]) > 200 / len(labels) + 0.01:
                raise SystemExit(
                    f'{name}, seed {seed}: the checkpoint has top-1 {row["top1"][-1]:.2f}, but its run '
                    f'logged {logged[-1]:.2f}.'
                )
            if not found['post-FC'].isfinite().all():
                row['diverged'].append(seed)
            elif taught:
                for layer in LAYERS:
                    row['transfer'][layer].append(kernel_transfer(found[layer], taught[layer]))
            del runner
            gc.collect()
        if row['top1']:
            rows[name] = row
    order = shown(runs)
    return {name: rows[name] for name in order if name in rows}, teacher


def same_seeds(row: dict, other: dict) -> tuple[list[float], list[float]]:
    """Top-1 of two methods on the seeds that both have finished."""
    seeds = [seed for seed in row['seeds'] if seed in other['seeds']]
    return tuple([r['top1'][r['seeds'].index(seed)] for seed in seeds] for r in (row, other))


def paired(values: list[float], others: list[float], level: float = 0.95) -> dict:
    """Mean difference, seed by seed, with its confidence interval by Student's t.

    Example:
        >>> found = paired([2.0, 3.0, 4.0], [1.0, 1.0, 1.0])
        >>> [round(found[key], 3) for key in ('mean', 'low', 'high')]
        [2.0, -0.484, 4.484]
    """
    pairs = [a - b for a, b in zip(values, others, strict=True)]
    mean = statistics.mean(pairs)
    if len(pairs) < 2:
        return dict(mean=mean)
    half = stats.t.ppf((1 + level) / 2, len(pairs) - 1) * statistics.stdev(pairs) / len(pairs) ** 0.5
    return dict(mean=mean, low=float(mean - half), high=float(mean + half))


def measure_costs(runs: Runs, rows: dict, rounds: int) -> dict:
    """Time and memory of a training step relative to the student alone, and extra parameters."""
    if STUDENT not in rows:
        return {}
    steps = {}
    for name, row in rows.items():
        checkpoint = runs.checkpoint(name, row['seeds'][0])
        runner = finished(runs.work_dir, runs.methods[name].config, checkpoint, options(runs))
        steps[name] = make_step(runner)
    ratios = times(steps, STUDENT, rounds)
    memory = {name: peak_memory(step) for name, step in steps.items()}
    return {
        name: dict(
            time=ratios[name],
            memory=memory[name] / memory[STUDENT],
            memory_bytes=memory[name],
            extra_parameters=extra_parameters(step),
        )
        for name, step in steps.items()
    }


def table(rows: dict, teacher: float | None) -> str:
    """The results as a Markdown table."""
    lines = [
        [
            *('method', 'top-1 last (%)', 'best (%)', 'vs student', 'vs KD'),
            *(f'transfer {layer}' for layer in LAYERS),
            *('time', 'memory', 'extra parameters'),
        ]
    ]
    if teacher is not None:
        lines.append(['teacher', f'{teacher:.2f}', *['-'] * (len(lines[0]) - 2)])
    for name, row in rows.items():
        line = [name, mean_std(row['top1'], 2), mean_std(row['best'], 2)]
        line += [difference(row.get(f'vs {baseline}')) for baseline in (STUDENT, KD)]
        line += [mean_std(row['transfer'][x], 3) if row['transfer'][x] else '-' for x in LAYERS]
        line += [f'{row[key]:.2f}' if key in row else '-' for key in ('time', 'memory')]
        line.append(f'{row["extra_parameters"]:,}' if 'extra_parameters' in row else '-')
        lines.append(line)
    return markdown_table(lines)


def difference(found: dict | None, digits: int = 2) -> str:
    """A mean difference with its interval.

    Example:
        >>> difference(dict(mean=1.5, low=-0.25, high=3.25)), difference(None)
        ('+1.50 [-0.25, +3.25]', '-')
    """
    if found is None:
        return '-'
    mean, *ends = (f'{found[key]:+.{digits}f}' for key in ('mean', 'low', 'high') if key in found)
    return f'{mean} [{", ".join(ends)}]' if ends else mean


def notes(runs: Runs, rows: dict) -> str:
    """What the table means, and what is missing from it."""
    lines = [
        '\n',
        'top-1: mean ± std over seeds of the test split, at the last epoch, and at the best of those '
        'validated (chosen on the same split, so too good). vs: mean difference by seed and its 95 % '
        'confidence interval. transfer: ||K_S - K_T||_F / ||K_T||_F on the test split, linear kernel. '
        'time, memory: of a training step, in multiples of that of the student alone; extra parameters: '
        'of connectors.',
    ]
    several = [name for name, spec in runs.methods.items() if spec.first]
    if several:
        lines += [
            '',
            f'{", ".join(several)}: a first stage comes before, whose time is not counted here.',
        ]
    diverged = [f'{name} ({row["diverged"]})' for name, row in rows.items() if row['diverged']]
    if diverged:
        lines += ['', f'Diverged, seeds in brackets: {", ".join(diverged)}.']
    fewer = [
        f'{name} ({len(rows[name]["seeds"]) if name in rows else 0} of {len(runs.seeds)} seeds)'
        for name in shown(runs)
        if name not in rows or len(rows[name]['seeds']) < len(runs.seeds)
    ]
    if fewer:
        lines += ['', f'Not finished: {", ".join(fewer)}.']
    if runs.failed:
        lines += ['', 'Failed: ' + '; '.join(why.splitlines()[0] for why in runs.failed.values())]
    if runs.outdated:
        named = ', '.join(sorted({name for name, _ in runs.outdated}))
        lines += ['', f'Trained by another version of the package (--fresh repeats them): {named}.']
    return '\n'.join(lines)
