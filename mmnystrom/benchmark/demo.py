"""The main job on data that needs no download: a teacher, and students distilled from it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from . import figures
from .evaluate import evaluate, features, load_run, steps_of
from .places import CONFIGS
from .plan import STUDENT, TEACHER, Method, Plan
from .progress import say
from .provenance import provenance
from .result import FIGURES, LAYERS, Result
from .scheduler import Scheduler
from .tables import markdown_table, mean_std
from .timing import one_thread, ratios_in_turns

PAIR = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'
KDA = 'distill/mmpretrain/kda'
PUBLISHED = 'KDA as published'
DEFAULT = 'KDA correlated'
BASELINE = 'KD'
#: Name -> config.
METHODS = {
    TEACHER: 'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py',
    STUDENT: 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py',
    BASELINE: f'distill/mmpretrain/kd/kd_logits_{PAIR}.py',
    PUBLISHED: f'{KDA}/kda_published_neck_{PAIR}.py',
    DEFAULT: f'{KDA}/kda_neck_{PAIR}.py',
    'KDA post-FC': f'{KDA}/kda_logits_{PAIR}.py',
    'KDA both': f'{KDA}/kda_neck-logits_{PAIR}.py',
}
#: The methods of the picture.
SHOWN = (TEACHER, STUDENT, PUBLISHED, DEFAULT)
LEGEND = (
    "transfer: ||K_S - K_T||_F / ||K_T||_F on the test split, 0 is the teacher's kernel itself; cka: the "
    'cosine of the centred kernels, 1 where they differ in scale at most.'
)


def demo_plan(work_dir: Path, seeds: int) -> Plan:
    """The runs of the demo. Each seed has a teacher of its own."""
    methods = {
        name: Method(CONFIGS / config, distilled=config.startswith('distill'))
        for name, config in METHODS.items()
    }
    return Plan(work_dir, methods, seeds)


def demo(work_dir: Path, seeds: int = 3, jobs: int = 2, fresh: bool = False) -> str:
    """Train what is not trained yet, and report it.

    Args:
        work_dir: Where the runs are kept.
        seeds: Seeds of each method. Defaults to 3.
        jobs: Runs at a time. Defaults to 2.
        fresh: Whether finished runs are repeated. Defaults to False.

    Returns:
        The table, Markdown, and what it means.

    Raises:
        BenchmarkError: If a run failed, or its folder cannot be used.
    """
    start = time.perf_counter()
    plan = demo_plan(work_dir, seeds)
    say(f'{len(plan)} runs of tools/train.py, {jobs} at a time:')
    Scheduler(plan, jobs).train_all(fresh=fresh)
    text = write_demo_report(plan)
    took = time.perf_counter() - start
    return (
        f'\nDigits, {seeds} seeds (mean ± std), {took:.0f} s:\n\n{text}\n\n{LEGEND}\n'
        f'Picture: {work_dir / "gram.png"}; figures: {work_dir / "results.json"}'
    )


def write_demo_report(plan: Plan, rounds: int = 12) -> str:
    """Evaluate the finished runs; write results.md, results.json and gram.png; return the table.

    Args:
        plan: The plan of the demo, its runs finished.
        rounds: Rounds of the timing. Defaults to 12.

    Raises:
        ResultError: If a checkpoint has another top-1 than its run logged.
    """
    results, teachers = evaluate(plan, list(plan.methods))
    with one_thread():
        times = ratios_in_turns(steps_of(plan, results), BASELINE, rounds)
    text = table(results, times)
    pictured = {name: features(load_run(plan.run(name, 0), plan.work_dir))[0]['pre-FC'] for name in SHOWN}
    cka = {name: results[name].cka['pre-FC'][0] for name in SHOWN if name != TEACHER}
    figures.gram_matrices(plan.work_dir / 'gram.png', pictured, teachers.features(0)[1], cka)
    (plan.work_dir / 'results.md').write_text(text + '\n')
    rows = {name: result.as_dict() for name, result in results.items()}
    found = dict(rows=rows, seconds_per_iteration_vs_kd=times, **provenance())
    (plan.work_dir / 'results.json').write_text(json.dumps(found, indent=2) + '\n')
    return text


def table(results: dict[str, Result], times: dict[str, float]) -> str:
    """The results as a Markdown table.

    Args:
        results: Name of a method -> its result.
        times: Name -> time of a training step, in multiples of KD's.
    """
    columns = [(figure, layer) for figure in FIGURES for layer in LAYERS]
    lines = [['method', 'top-1 (%)', *(' '.join(column) for column in columns), 's/iter vs KD']]
    for name, result in results.items():
        line = [name, mean_std(result.top1, 2)]
        if name == TEACHER:
            line += ['-'] * (len(columns) + 1)
        else:
            line += [mean_std(getattr(result, figure)[layer], 3) for figure, layer in columns]
            line.append(f'{times[name]:.2f}')
        lines.append(line)
    return markdown_table(lines)
