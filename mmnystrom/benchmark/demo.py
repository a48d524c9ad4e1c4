"""The main job on data that needs no download: a teacher, and students distilled from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from . import figures
from .analysis import train_and_report
from .errors import first_lines
from .evaluate import Teachers, evaluate, features, load_run, steps_of
from .places import CONFIGS
from .plan import STUDENT, TEACHER, Method, Plan, Run
from .provenance import provenance
from .result import FIGURES, LAYERS, Result
from .tables import if_fewer, markdown_table, mean_std, seeds_in_words
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


def demo(work_dir: Path, seeds: int = 3, jobs: int = 2, fresh: bool = False) -> tuple[str, list[str]]:
    """Train what is not trained yet, and report what is finished.

    Args:
        work_dir: Where the runs are kept.
        seeds: Seeds of each method. Defaults to 3.
        jobs: Runs at a time. Defaults to 2.
        fresh: Whether finished runs are repeated. Defaults to False.

    Returns:
        The table, Markdown, and what it means; and why runs failed, a message a cause.

    Raises:
        BenchmarkError: If the folder of a run cannot be used, or a checkpoint contradicts its log.
    """
    return train_and_report(demo_plan(work_dir, seeds), jobs, write_demo_report, fresh=fresh)


def write_demo_report(plan: Plan, failed: Mapping[Run, str], rounds: int = 12) -> str:
    """Evaluate the finished runs; write results.md, results.json and gram.png; return the table.

    Args:
        plan: The plan of the demo.
        failed: Run -> why it failed.
        rounds: Rounds of the timing. Defaults to 12.

    Returns:
        The table with what it means, and the places of what was written. The picture needs a
        finished distillation from the first seed's teacher, the timing one with KD.

    Raises:
        ResultError: If a checkpoint has another top-1 than its run logged.
    """
    results, teachers = evaluate(plan, list(plan.methods))
    times = {}
    if BASELINE in results:
        with one_thread():
            times = ratios_in_turns(steps_of(plan, results), BASELINE, rounds)
    text = table(results, times, len(plan.seeds))
    (plan.work_dir / 'results.md').write_text(text + '\n')
    rows = {name: result.as_dict() for name, result in results.items()}
    found = dict(rows=rows, seconds_per_iteration_vs_kd=times, failed=first_lines(failed), **provenance())
    (plan.work_dir / 'results.json').write_text(json.dumps(found, indent=2) + '\n')
    picture = _picture(plan, results, teachers)
    return (
        f'Digits, {seeds_in_words(len(plan.seeds))} (mean ± std):\n\n{text}\n\n{LEGEND}\n'
        f'{picture}; figures: {plan.work_dir / "results.json"}'
    )


def _picture(plan: Plan, results: dict[str, Result], teachers: Teachers) -> str:
    """Draw the kernels of the first seed's networks, as far as there are any; say where, or why not."""
    seed, path = plan.seeds[0], plan.work_dir / 'gram.png'
    taught = teachers.features(seed)
    if taught is None:
        path.unlink(missing_ok=True)  # an earlier start's would show other networks
        return 'No picture: no distillation from the first teacher is finished'
    pictured, cka = {}, {}
    for name in SHOWN:
        result = results.get(name)
        if result is None or seed not in result.seeds or seed in result.diverged:
            continue
        pictured[name] = features(load_run(plan.run(name, seed), plan.work_dir))[0]['pre-FC']
        if name != TEACHER:
            cka[name] = result.cka['pre-FC'][0]
    figures.gram_matrices(path, pictured, taught[1], cka)
    return f'Picture: {path}'


def table(results: dict[str, Result], times: dict[str, float], seeds: int) -> str:
    """The results as a Markdown table.

    Args:
        results: Name of a method -> its result.
        times: Name -> time of a training step, in multiples of KD's; empty if nothing was timed.
        seeds: Seeds of the plan. A row of fewer says so.
    """
    columns = [(figure, layer) for figure in FIGURES for layer in LAYERS]
    lines = [['method', 'top-1 (%)', *(' '.join(column) for column in columns), 's/iter vs KD']]
    for name, result in results.items():
        line = [name, mean_std(result.top1, 2) + if_fewer(len(result.seeds), seeds)]
        if name == TEACHER:
            line += ['-'] * (len(columns) + 1)
        else:
            line += [mean_std(getattr(result, figure)[layer], 3) for figure, layer in columns]
            line.append(f'{times[name]:.2f}' if times else '-')
        lines.append(line)
    return markdown_table(lines)
