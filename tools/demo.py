"""The main job on data that needs no download: a teacher, and students distilled from it.

Trains through tools/train.py, as a user would, three seeds of each method on two processes; prints a
table, and writes it with a picture below --work-dir. A demo that was killed is started again and goes
on where it stopped; runs that are finished, from the same configs, are not repeated.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
PAIR = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'
KDA = 'distill/mmpretrain/kda'
#: name -> config; the first is the teacher, the second the student that has none.
METHODS = {
    'teacher': 'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py',
    'student alone': 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py',
    'KD': f'distill/mmpretrain/kd/kd_logits_{PAIR}.py',
    'KDA pre-FC': f'{KDA}/kda_neck_{PAIR}.py',
    'KDA post-FC': f'{KDA}/kda_logits_{PAIR}.py',
    'KDA both': f'{KDA}/kda_neck-logits_{PAIR}.py',
}
LAYERS = {'pre-FC': 'neck.gap', 'post-FC': 'head.fc'}


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'))
    parser.add_argument('--seeds', type=int, default=3, help='seeds of each method (default: 3)')
    parser.add_argument('--jobs', type=int, default=2, help='runs at a time (default: 2)')
    parser.add_argument('--fresh', action='store_true', help='repeat runs that are finished')
    args = parser.parse_args()
    if args.seeds < 1 or args.jobs < 1:
        parser.error(f'--seeds={args.seeds} and --jobs={args.jobs} must be at least 1')
    return args


def distills(method):
    return METHODS[method].startswith('distill')


def run_dir(args, method, seed):
    return args.work_dir / method.replace(' ', '-') / f'seed{seed}'


def checkpoint(args, method, seed):
    """The last checkpoint of a run, as its own ``last_checkpoint`` file names it."""
    return (run_dir(args, method, seed) / 'last_checkpoint').read_text().strip()


def options(args, method, seed):
    """What a run overrides in its config, on the command line of tools/train.py."""
    settings = {'randomness.seed': seed}
    if distills(method):
        settings['model.teacher_ckpt'] = checkpoint(args, 'teacher', seed)
    return [f'{key}={value}' for key, value in settings.items()]


def fingerprint():
    """Of everything a result depends on: the configs and the package."""
    digest = hashlib.sha256()
    for folder, pattern in (('configs', '*.py'), ('mmnystrom', '*.py')):
        for path in sorted((ROOT / folder).rglob(pattern)):
            if '.mim' not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def train(args, method, seed, print_):
    """One run of tools/train.py, resumed if it was begun, skipped if it is finished."""
    directory = run_dir(args, method, seed)
    mark = directory / 'run.json'
    state = dict(fingerprint=fingerprint(), finished=True)
    begun = json.loads(mark.read_text()) if mark.is_file() else {}
    if begun == state:
        print_(f'{method}, seed {seed}: finished before, not repeated')
        return
    if begun.get('fingerprint') != state['fingerprint']:
        shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps({**state, 'finished': False}))
    command = [sys.executable, str(ROOT / 'tools' / 'train.py'), str(CONFIGS / METHODS[method])]
    command += ['--work-dir', str(directory), '--resume', '--cfg-options']
    command += options(args, method, seed)
    log = directory / 'train.log'
    start = time.perf_counter()
    with log.open('a') as output:
        # One core a run: two runs side by side use two cores better than one run on both.
        result = subprocess.run(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, 'OMP_NUM_THREADS': '1'},
        )
    if result.returncode:
        raise SystemExit(f'{" ".join(command)}\nfailed; the end of {log}:\n{log.read_text()[-3000:]}')
    mark.write_text(json.dumps(state))
    took = time.perf_counter() - start
    print_(f'{method}, seed {seed}: top-1 {logged_accuracy(args, method, seed):.2f} ({took:.0f} s)')


def train_all(args):
    """Every run, teachers first; a distillation waits for the teacher of its seed."""
    total, done = len(METHODS) * args.seeds, []

    def print_(message):
        done.append(message)
        print(f'[{len(done):2}/{total}] {message}', flush=True)

    def after_teacher(teacher: Future, *job):
        teacher.result()
        train(args, *job, print_)

    with ThreadPoolExecutor(args.jobs) as pool:
        seeds = range(args.seeds)
        teachers = [pool.submit(train, args, 'teacher', seed, print_) for seed in seeds]
        jobs = [
            pool.submit(after_teacher, teachers[seed], method, seed)
            for method in list(METHODS)[1:]
            for seed in seeds
        ]
        try:
            for job in teachers + jobs:
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def logged_accuracy(args, method, seed):
    """Top-1 that mmrazor's (or mmpretrain's) validation logged last, in percent."""
    rows = [
        json.loads(line)
        for path in sorted(run_dir(args, method, seed).glob('*/vis_data/scalars.json'))
        for line in path.read_text().splitlines()
    ]
    return [row['accuracy/top1'] for row in rows if 'accuracy/top1' in row][-1]


def features(args, method, seed):
    """Features of the test split: layer -> (N, d), and the labels (N,)."""
    import torch
    from mmengine.config import Config
    from mmengine.runner import Runner

    cfg = Config.fromfile(CONFIGS / METHODS[method])
    cfg.merge_from_dict(
        dict(
            work_dir=str(args.work_dir / 'features'),
            load_from=checkpoint(args, method, seed),
            log_level='ERROR',
            experiment_name=f'{method}-{seed}-{time.time_ns()}',
            visualizer=dict(type='Visualizer', vis_backends=[]),
        )
    )
    if distills(method):
        cfg.model.teacher_ckpt = None  # the run's own checkpoint holds the teacher too
    with contextlib.redirect_stdout(io.StringIO()):  # mmengine prints the path of every load
        runner = Runner.from_cfg(cfg)
        runner.load_checkpoint(cfg.load_from, strict=True)
    model = runner.model
    model.eval()  # its result would be None: mmrazor's train() returns nothing
    network = model.student if distills(method) else model
    found, labels = {layer: [] for layer in LAYERS}, []
    hooks = [
        network.get_submodule(source).register_forward_hook(
            lambda module, inputs, output, layer=layer: found[layer].append(output.flatten(1))
        )
        for layer, source in LAYERS.items()
    ]
    with torch.no_grad():
        for batch in runner.test_dataloader:
            data = model.data_preprocessor(batch, False)
            network(data['inputs'], mode='tensor')
            labels += [sample.gt_label for sample in data['data_samples']]
    for hook in hooks:
        hook.remove()
    return {layer: torch.cat(rows) for layer, rows in found.items()}, torch.cat(labels)


def evaluate(args):
    """Rows of the table, and for the picture the first seed's features with their labels."""
    from mmnystrom.core import kernel_transfer

    rows = {m: dict(top1=[], transfer={layer: [] for layer in LAYERS}) for m in METHODS}
    first = {}
    for seed in range(args.seeds):
        teacher = None
        for method, row in rows.items():
            found, labels = features(args, method, seed)
            teacher = teacher or found
            accuracy = 100 * (found['post-FC'].argmax(1) == labels).double().mean().item()
            if abs(accuracy - logged_accuracy(args, method, seed)) > 0.01:
                raise SystemExit(
                    f'{method}, seed {seed}: the checkpoint has top-1 {accuracy:.2f}, but the run logged '
                    f'{logged_accuracy(args, method, seed):.2f}.'
                )
            row['top1'].append(accuracy)
            for layer in LAYERS:
                row['transfer'][layer].append(kernel_transfer(found[layer], teacher[layer]))
            if seed == 0:
                first[method] = (found['pre-FC'], labels)
    return rows, first


def time_steps(args, rounds=12, steps=8):
    """Seconds of a training step relative to KD, the median over rounds in which methods take turns."""
    import torch
    from mmengine.config import Config
    from mmengine.runner import Runner

    torch.set_num_threads(1)
    runners = {}
    for method in METHODS:
        cfg = Config.fromfile(CONFIGS / METHODS[method])
        cfg.merge_from_dict(
            dict(
                work_dir=str(args.work_dir / 'timing'),
                log_level='ERROR',
                experiment_name=f'timing-{method}-{time.time_ns()}',
                visualizer=dict(type='Visualizer', vis_backends=[]),
            )
        )
        if distills(method):
            cfg.model.teacher_ckpt = None
        runner = Runner.from_cfg(cfg)
        runner.model.train()
        runner.optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
        batch = next(iter(runner.train_dataloader))
        for hook in runner.hooks:
            if type(hook).__name__ == 'LandmarkHook':
                hook.before_run(runner)
        # Landmarks from one step: what is timed is the loss at work.
        runner.model.train_step(batch, runner.optim_wrapper)
        for module in runner.model.modules():
            if type(module).__name__ == 'KDALoss':
                module.landmarks.commit()
        runners[method] = (runner, batch)
    ratios = {method: [] for method in runners}
    for _ in range(rounds):
        seconds = {}
        for method, (runner, batch) in runners.items():
            start = time.perf_counter()
            for _ in range(steps):
                runner.model.train_step(batch, runner.optim_wrapper)
            seconds[method] = time.perf_counter() - start
        for method in runners:
            ratios[method].append(seconds[method] / seconds['KD'])
    return {method: statistics.median(values) for method, values in ratios.items()}


def mean_std(values, digits):
    std = f' ± {statistics.stdev(values):.{digits}f}' if len(values) > 1 else ''
    return f'{statistics.mean(values):.{digits}f}{std}'


def table(rows, times):
    """The results as a Markdown table, which reads well on a terminal too."""
    header = ['method', 'top-1 (%)', 'transfer pre-FC', 'transfer post-FC', 's/iter vs KD']
    lines = [header]
    for method, row in rows.items():
        transfer = [mean_std(row['transfer'][layer], 3) for layer in LAYERS]
        lines.append(
            [
                method,
                mean_std(row['top1'], 2),
                *(['-', '-'] if method == 'teacher' else transfer),
                '-' if method == 'teacher' else f'{times[method]:.2f}',
            ]
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = [
        '| ' + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + ' |'
        for line in lines
    ]
    text.insert(1, '|' + '|'.join('-' * (width + 2) for width in widths) + '|')
    return '\n'.join(text)


def draw(first, rows, path):
    """Gram matrices of the test split, sorted by class: the teacher and two students."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    shown = ('teacher', 'student alone', 'KDA pre-FC')
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.6), layout='constrained')
    limit = None
    for axis, method in zip(axes, shown, strict=True):
        rows_, labels = first[method]
        order = labels.argsort(stable=True)
        gram = rows_[order] @ rows_[order].T
        limit = limit or gram.quantile(0.995).item()
        image = axis.imshow(gram, vmin=0, vmax=limit, cmap='viridis', interpolation='nearest')
        ends = labels.bincount().cumsum(0)
        middles = (ends - labels.bincount() / 2).tolist()
        axis.set_xticks(middles, range(len(middles)))
        axis.set_yticks(middles, range(len(middles)))
        axis.set_xlabel('test images, by class')
        title = (
            method
            if method == 'teacher'
            else (
                f'{"student + " if distills(method) else ""}{method}\n'
                f'transfer {rows[method]["transfer"]["pre-FC"][0]:.2f}'
            )
        )
        axis.set_title(title)
    figure.colorbar(image, ax=axes, shrink=0.8, label='linear kernel of pre-FC features')
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    args = parse_args()
    if args.fresh:
        shutil.rmtree(args.work_dir, ignore_errors=True)
    args.work_dir.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    import mmnystrom  # says what it cured before the runs are listed

    print(f'{len(METHODS) * args.seeds} runs of tools/train.py, {args.jobs} at a time:', flush=True)
    train_all(args)
    import mmengine
    import mmrazor
    import torch

    rows, first = evaluate(args)
    times = time_steps(args)
    text = table(rows, times)
    draw(first, rows, args.work_dir / 'gram.png')
    (args.work_dir / 'results.md').write_text(text + '\n')
    versions = {m.__name__: m.__version__ for m in (mmnystrom, torch, mmengine, mmrazor)}
    result = dict(
        rows=rows,
        seconds_per_iteration_vs_kd=times,
        seeds=list(range(args.seeds)),
        versions=dict(python=platform.python_version(), **versions),
        device='cpu',
        command=' '.join(['python', *sys.argv]),
    )
    (args.work_dir / 'results.json').write_text(json.dumps(result, indent=2) + '\n')
    print(f'\nDigits, {args.seeds} seeds (mean ± std), {time.perf_counter() - start:.0f} s:\n\n{text}\n')
    print(
        "transfer: ||K_S - K_T||_F / ||K_T||_F on the test split, 0 is the teacher's kernel itself.\n"
        f'Picture: {args.work_dir / "gram.png"}; figures: {args.work_dir / "results.json"}'
    )


if __name__ == '__main__':
    main()
