"""KDA's choices side by side on Digits: forms, kernels and landmark strategies.

One choice is changed at a time from the config of the demo (pre-FC, class centres, linear kernel,
partial rows), each with partial and with Nystrom rows. Beside them stand KDA's other losses and the
methods that compare kernels of a batch, or logits, as the zoo has them.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

from mmengine.config import Config

from .demo import KDA, METHODS, PAIR
from .evaluate import evaluate
from .places import CONFIGS
from .plan import STUDENT, TEACHER, Method, Plan
from .progress import duration, say
from .provenance import provenance
from .scheduler import Scheduler
from .tables import markdown_table, mean_std

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


def choices_table(work_dir: Path, seeds: int = 3, jobs: int = 2) -> str:
    """Train what is not trained yet, and report it. For arguments and errors see :func:`~.demo.demo`."""
    start = time.perf_counter()
    plan = choices_plan(work_dir, seeds)
    say(f'{len(plan)} runs of tools/train.py, {jobs} at a time:')
    Scheduler(plan, jobs).train_all()
    return f'\n{write_choices_report(plan)}; {duration(time.perf_counter() - start)}'


def write_choices_report(plan: Plan) -> str:
    """Write results.md and results.json of the finished runs; return the table."""
    lines = [['landmarks', 'kernel', 'form', 'top-1 (%)', 'transfer', 'linear transfer', 'cka']]
    lines[0].append('Nystrom error')
    rows = {}
    results, _ = evaluate(plan, list(plan.methods))
    for method, result in results.items():
        runs = plan.of(method)
        row = dict(top1=result.top1)
        names = method.split() if method in variants() else [method, '', '']
        line = [*names, mean_std(row['top1'], 2)]
        if method in variants():
            for figure in FIGURES:
                row[figure] = [run.folder.logged(f'kernel/kda/{figure}')[-1] for run in runs]
        if method != TEACHER:  # by the linear kernel: the same yardstick for all
            row['linear_transfer'] = result.transfer['pre-FC']
        if method in RELATIVES:
            row['cka'] = result.cka['pre-FC']  # of the same, and linear, kernel
        for figure in ('transfer', 'linear_transfer', 'cka', 'nystrom_error_teacher'):
            line.append(mean_std(row[figure], 3) if row.get(figure) else '-')
        lines.append(line)
        rows[method] = row
    text = markdown_table(lines)
    best = max(variants(), key=lambda method: statistics.mean(rows[method]['top1']))
    (plan.work_dir / 'results.md').write_text(text + '\n')
    found = dict(rows=rows, seeds=len(plan.seeds), **provenance())
    (plan.work_dir / 'results.json').write_text(json.dumps(found, indent=2) + '\n')
    return f'{text}\n\nbest top-1: {best}'
