"""KDA's choices side by side on Digits: forms, kernels and landmark strategies.

One choice is changed at a time from the config of the demo (pre-FC, class centres, linear kernel,
partial rows), each with partial and with Nystrom rows. Beside them stand KDA's other losses and the
methods that compare kernels of a batch, or logits, as the zoo has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config

from .analysis import train_and_report
from .demo import KDA, METHODS, PAIR
from .errors import first_lines
from .evaluate import evaluate
from .places import CONFIGS
from .plan import STUDENT, TEACHER, Method, Plan, Run
from .provenance import provenance
from .result import Result
from .tables import if_fewer, markdown_table, mean_std

FORMS = ('partial', 'nystrom')
#: Kernels by name, with the parameters that a comparison gives them.
KERNELS = {
    'linear': 'linear',
    'cosine': 'cosine',
    'polynomial': dict(type='polynomial', gamma='scale'),
    'rbf': dict(type='rbf', gamma='median'),
    'laplacian': dict(type='laplacian', gamma='median'),
}
LANDMARKS = {
    'class_center': dict(type='class_center', num_landmarks=10),
    'kmeans': dict(type='kmeans', num_landmarks=10),
    'random': dict(type='random', num_landmarks=10),
    'kmeans++': dict(type='kmeans++', num_landmarks=10),
    'farthest': dict(type='farthest', num_landmarks=10),
    'leverage': dict(type='leverage', num_landmarks=10),
    'classifier': dict(type='classifier'),
    'fixed': dict(type='fixed', indices=list(range(10))),  # the first ten are one of each class
}
#: Name -> the beginning of its config's name, which the pair completes.
RELATIVES = {
    'KDA centred': 'kda/kda_centered_neck',
    'KDA correlated': 'kda/kda_neck',
    'KD standardized': 'kd_standardized/kd-standardized_logits',
    'PKT': 'pkt/pkt_neck',
    'SP': 'sp/sp_backbone',
    'CC': 'cc/cc_neck',
    'CKA': 'cka/cka_neck',
    'CKA both': 'cka/cka_neck-logits',
}
LOSS = 'loss_kda'
#: Weight of every variant. The paper's 0.04 is for a sum over 256 x 100 entries. Here it is 32 x 10.
WEIGHT = 0.36
FIGURES = ('transfer', 'cka', 'nystrom_error_teacher')


def variants() -> dict[str, dict]:
    """Name -> arguments of the KDALoss: every kernel on class centres, every strategy with linear."""
    pairs = [('class_center', kernel) for kernel in KERNELS]
    pairs += [(landmarks, 'linear') for landmarks in LANDMARKS if landmarks != 'class_center']
    return {
        f'{landmarks} {kernel} {form}': dict(
            landmarks=LANDMARKS[landmarks], kernel=KERNELS[kernel], form=form
        )
        for landmarks, kernel in pairs
        for form in FORMS
    }


def variant_config(arguments: dict) -> Config:
    """The demo's config with other arguments of the loss, and the monitor."""
    cfg = Config.fromfile(CONFIGS / KDA / f'kda_neck_{PAIR}.py')
    distiller = cfg.model.distiller
    distiller.distill_losses[LOSS] = dict(type='KDALoss', loss_weight=WEIGHT, **arguments)
    if arguments['landmarks']['type'] == 'classifier':
        for side in ('student', 'teacher'):
            distiller[f'{side}_recorders'].fc = dict(type='Parameter', source='head.fc.weight')
        distiller.loss_forward_mappings[LOSS].update(
            s_weight=dict(from_student=True, recorder='fc'),
            t_weight=dict(from_student=False, recorder='fc'),
        )
    cfg.custom_hooks.append(dict(type='KernelMonitorHook'))
    return cfg


def choices_plan(work_dir: Path, seeds: int) -> Plan:
    """Teacher, student alone, KD, the relatives, and the variants, whose configs are written here."""
    folder = work_dir / 'configs'
    folder.mkdir(parents=True, exist_ok=True)
    methods = {
        name: Method(CONFIGS / METHODS[name], distilled=name == 'KD') for name in (TEACHER, STUDENT, 'KD')
    }
    for name, beginning in RELATIVES.items():
        config = CONFIGS / 'distill/mmpretrain' / f'{beginning}_{PAIR}.py'
        methods[name] = Method(config, distilled=True)
    for name, arguments in variants().items():
        methods[name] = Method(folder / f'{name.replace(" ", "-")}.py', distilled=True)
        variant_config(arguments).dump(methods[name].config)
    return Plan(work_dir, methods, seeds)


def choices_table(work_dir: Path, seeds: int = 3, jobs: int = 2) -> tuple[str, list[str]]:
    """Train what is not trained yet, and report what is finished.

    Some choices diverge, and a run that does ends as failed.

    Args:
        work_dir: Where the runs are kept.
        seeds: Seeds of each variant. Defaults to 3.
        jobs: Runs at a time. Defaults to 2.

    Returns:
        The table, Markdown, and why runs failed, a message a cause.

    Raises:
        BenchmarkError: If the folder of a run cannot be used, or a checkpoint contradicts its log.
    """
    return train_and_report(choices_plan(work_dir, seeds), jobs, write_choices_report)


def write_choices_report(plan: Plan, failed: Mapping[Run, str]) -> str:
    """Write results.md and results.json of the finished runs; return the table.

    Args:
        plan: The plan of the table.
        failed: Run -> why it failed.
    """
    lines = [['landmarks', 'kernel', 'form', 'top-1 (%)', 'transfer', 'linear transfer', 'cka']]
    lines[0].append('Nystrom error')
    rows = {}
    results, _ = evaluate(plan, list(plan.methods))
    for method, result in results.items():
        rows[method] = _row(plan, method, result)
        names = method.split() if method in variants() else [method, '', '']
        line = [*names, mean_std(result.top1, 2) + if_fewer(len(result.seeds), len(plan.seeds))]
        for figure in ('transfer', 'linear_transfer', 'cka', 'nystrom_error_teacher'):
            line.append(mean_std(rows[method].get(figure, []), 3))
        lines.append(line)
    text = markdown_table(lines)
    (plan.work_dir / 'results.md').write_text(text + '\n')
    found = dict(rows=rows, seeds=len(plan.seeds), failed=first_lines(failed), **provenance())
    (plan.work_dir / 'results.json').write_text(json.dumps(found, indent=2) + '\n')
    return text


def _row(plan: Plan, method: str, result: Result) -> dict:
    """Figures of a method, a value a finished seed."""
    row = dict(seeds=result.seeds, top1=result.top1)
    if method in variants():
        runs = [plan.run(method, seed) for seed in result.seeds]
        for figure in FIGURES:
            row[figure] = [run.folder.logged(f'kernel/kda/{figure}')[-1] for run in runs]
    if method != TEACHER:  # by the linear kernel: the same yardstick for all
        row['linear_transfer'] = result.transfer['pre-FC']
        row.setdefault('cka', result.cka['pre-FC'])  # of a variant by its own kernel, as logged
    return row
