"""KDA's choices side by side on Digits: forms, kernels, landmark strategies, distances.

One choice is changed at a time from the config of the demo (pre-FC, class centres, linear kernel,
partial rows), each with partial and with Nystrom rows. Everything goes through tools/train.py; a table
that was killed goes on where it stopped. Prints a Markdown table, and writes it below --work-dir.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

from demo import KDA, METHODS, PAIR  # noqa: E402
from demo_report import finished, mean_std, provenance  # noqa: E402
from mmengine.config import Config  # noqa: E402
from runs import CONFIGS, TEACHER, Method, Runs, markdown_table  # noqa: E402

FORMS = ('partial', 'nystrom')
#: Kernels by name, with the parameters they get where only the name is given.
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
BASE = ('class_center', 'linear')
LOSS = 'loss_kda'
#: Of every variant; what the sum over 32 x 10 entries, and not over 256 x 100, asks for beside 0.04.
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


def build_runs(args) -> Runs:
    """The teacher, the student alone, KD, and every variant."""
    folder = args.work_dir / 'configs'
    folder.mkdir(parents=True, exist_ok=True)
    methods = {
        name: Method(CONFIGS / METHODS[name], distilled=name == 'KD')
        for name in (TEACHER, 'student alone', 'KD')
    }
    for name, arguments in variants().items():
        methods[name] = Method(folder / f'{name.replace(" ", "-")}.py', distilled=True)
        variant_config(arguments).dump(methods[name].config)
    return Runs(args.work_dir, methods, args.seeds, args.jobs)


def linear_transfer(runs: Runs, method: str) -> list[float]:
    """Kernel transfer by the linear kernel, pre-FC, on the test split: the same yardstick for all."""
    from demo_report import features

    from mmnystrom.core import kernel_transfer

    found = []
    for seed in runs.seeds:
        pair = []
        for name in (method, TEACHER):
            runner = finished(runs.work_dir, runs.methods[name].config, runs.checkpoint(name, seed))
            pair.append(features(runner)[0]['pre-FC'])
        found.append(kernel_transfer(*pair))
    return found


def report(runs: Runs) -> tuple[str, dict]:
    """The table, and the figures of every seed."""
    lines = [['landmarks', 'kernel', 'form', 'top-1 (%)', 'transfer', 'linear transfer', 'cka']]
    lines[0].append('Nystrom error')
    rows = {}
    for method in runs.methods:
        row = dict(top1=[runs.logged(method, seed)[-1] for seed in runs.seeds])
        names = method.split() if method in variants() else [method, '', '']
        line = [*names, mean_std(row['top1'], 2)]
        if method in variants():
            for figure in FIGURES:
                key = f'kernel/kda/{figure}'
                row[figure] = [runs.logged(method, seed, key)[-1] for seed in runs.seeds]
        if method != TEACHER:
            row['linear_transfer'] = linear_transfer(runs, method)
        for figure in ('transfer', 'linear_transfer', 'cka', 'nystrom_error_teacher'):
            line.append(mean_std(row[figure], 3) if figure in row else '-')
        lines.append(line)
        rows[method] = row
    return markdown_table(lines), rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/digits_table'))
    parser.add_argument('--seeds', type=int, default=3, help='seeds of each variant (default: 3)')
    parser.add_argument('--jobs', type=int, default=2, help='runs at a time (default: 2)')
    args = parser.parse_args()
    start = time.perf_counter()
    runs = build_runs(args)
    print(f'{len(runs)} runs of tools/train.py, {args.jobs} at a time:', flush=True)
    runs.train_all()
    text, rows = report(runs)
    (args.work_dir / 'results.md').write_text(text + '\n')
    result = dict(rows=rows, seeds=args.seeds, **provenance())
    (args.work_dir / 'results.json').write_text(json.dumps(result, indent=2) + '\n')
    best = max(variants(), key=lambda method: statistics.mean(rows[method]['top1']))
    print(f'\n{text}\n\nbest top-1: {best}; {time.perf_counter() - start:.0f} s')


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('interrupted; the same command goes on from here')
