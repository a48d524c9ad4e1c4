"""What tools/demo.py reports of its finished runs: the table, the figures, the picture."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
import mmengine
import mmpretrain
import mmrazor
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner
from runs import TEACHER, Runs, commit, markdown_table
from step_costs import make_step, times

import mmnystrom
from mmnystrom.core import build_kernel, measure

LAYERS = ('pre-FC', 'post-FC')
FIGURES = ('transfer', 'cka')
BASELINE = 'KD'
SHOWN = ('teacher', 'student alone', 'KDA as published', 'KDA pre-FC')
LINEAR = build_kernel('linear'), build_kernel('linear')


def write(runs: Runs) -> str:
    """Evaluate finished runs; write results.md, results.json and gram.png; return the table.

    Raises:
        SystemExit: If a checkpoint has another accuracy than its run logged.
    """
    rows, first = evaluate(runs)
    times = time_steps(runs)
    text = table(rows, times)
    draw(first, rows, runs.work_dir / 'gram.png')
    (runs.work_dir / 'results.md').write_text(text + '\n')
    result = dict(rows=rows, seconds_per_iteration_vs_kd=times, **provenance())
    (runs.work_dir / 'results.json').write_text(json.dumps(result, indent=2) + '\n')
    return text


def provenance() -> dict:
    """Versions, device, commit and command, for a file of results."""
    packages = (mmnystrom, torch, mmengine, mmpretrain, mmrazor)
    versions = {package.__name__: package.__version__ for package in packages}
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return dict(
        versions=dict(python=platform.python_version(), **versions),
        device=get_device(),
        machine=f'{name}, {os.cpu_count()} CPU cores',
        commit=commit(),
        command=' '.join(['python', *sys.argv]),
    )


def finished(work_dir: Path, config: Path, checkpoint: str, options: dict | None = None) -> Runner:
    """A runner with the weights of a finished run, that logs nothing."""
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options or {})
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir / 'report'),
            log_level='ERROR',
            experiment_name=f'{config.stem}-{time.time_ns()}',
            visualizer=dict(type='Visualizer', vis_backends=[]),
        )
    )
    if 'teacher' in cfg.model:
        cfg.model.teacher_ckpt = None  # the run's own checkpoint holds the teacher too
    runner = Runner.from_cfg(cfg)
    with contextlib.redirect_stdout(io.StringIO()):  # mmengine prints the path of every load
        runner.load_checkpoint(checkpoint, strict=True)
    return runner


def classifier(network: torch.nn.Module) -> torch.nn.Linear:
    """The linear layer whose input is pre-FC and whose output is post-FC.

    Raises:
        ValueError: If the head of the network has none.
    """
    layers = [module for module in network.head.modules() if isinstance(module, torch.nn.Linear)]
    if not layers:
        raise ValueError(f'{type(network.head).__name__} has no linear layer to look at.')
    return layers[-1]


@torch.no_grad()
def features(runner: Runner, name: str = 'student') -> tuple[dict, torch.Tensor]:
    """Features of the test split, layer -> (N, d), and labels (N,), of a network of the model.

    ``name`` is ``'student'`` (or the only network there is) or ``'teacher'``.
    """
    model = runner.model
    model.eval()  # its result would be None: mmrazor's train() returns nothing
    network = getattr(model, name, model)
    found, labels = {layer: [] for layer in LAYERS}, []

    def record(module, inputs, output):
        for layer, rows in zip(LAYERS, (inputs[0], output), strict=True):
            found[layer].append(rows.flatten(1).float().cpu())

    hook = classifier(network).register_forward_hook(record)
    for batch in runner.test_dataloader:
        data = model.data_preprocessor(batch, False)
        network(data['inputs'], mode='tensor')
        labels += [sample.gt_label.cpu() for sample in data['data_samples']]
    hook.remove()
    return {layer: torch.cat(parts) for layer, parts in found.items()}, torch.cat(labels)


def top1(found: dict, labels: torch.Tensor) -> float:
    """Percent of images that are classified rightly; what is not a number is wrong."""
    logits = found['post-FC']
    right = (logits.argmax(1) == labels) & logits.isfinite().all(1)
    return 100 * right.double().mean().item()


def evaluate(runs: Runs) -> tuple[dict, dict]:
    """Rows of the table, and for the picture the first seed's features with their labels."""
    rows = {
        method: dict(top1=[], **{figure: {layer: [] for layer in LAYERS} for figure in FIGURES})
        for method in runs.methods
    }
    first = {}
    for seed in runs.seeds:
        teacher = None
        for method, row in rows.items():
            runner = finished(runs.work_dir, runs.methods[method].config, runs.checkpoint(method, seed))
            found, labels = features(runner)
            teacher = teacher or found
            accuracy = top1(found, labels)
            logged = runs.logged(method, seed)[-1]
            if abs(accuracy - logged) > 0.01:
                raise SystemExit(
                    f'{method}, seed {seed}: the checkpoint has top-1 {accuracy:.2f}, but its run logged '
                    f'{logged:.2f}.'
                )
            row['top1'].append(accuracy)
            for layer in LAYERS:
                measured = measure(found[layer], teacher[layer], LINEAR)
                for figure in FIGURES:
                    row[figure][layer].append(measured[figure])
            first.setdefault(method, (found['pre-FC'], labels))
    return rows, first


def time_steps(runs: Runs, rounds: int = 12) -> dict:
    """Seconds of a training step relative to KD's, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    steps = {
        method: make_step(finished(runs.work_dir, spec.config, runs.checkpoint(method, 0)))
        for method, spec in runs.methods.items()
    }
    found = times(steps, BASELINE, rounds)
    torch.set_num_threads(threads)
    return found


def mean_std(values: list, digits: int) -> str:
    """Mean and sample standard deviation.

    Example:
        >>> mean_std([1.0, 2.0, 3.0], 1)
        '2.0 ± 1.0'
    """
    std = f' ± {statistics.stdev(values):.{digits}f}' if len(values) > 1 else ''
    return f'{statistics.mean(values):.{digits}f}{std}'


def table(rows: dict, times: dict) -> str:
    """The results as a Markdown table, which reads well on a terminal too."""
    columns = [(figure, layer) for figure in FIGURES for layer in LAYERS]
    lines = [['method', 'top-1 (%)', *(f'{f} {layer}' for f, layer in columns), 's/iter vs KD']]
    for method, row in rows.items():
        line = [method, mean_std(row['top1'], 2)]
        if method == TEACHER:
            line += ['-'] * (len(columns) + 1)
        else:
            line += [mean_std(row[figure][layer], 3) for figure, layer in columns]
            line.append(f'{times[method]:.2f}')
        lines.append(line)
    return markdown_table(lines)


def draw(first: dict, rows: dict, path: Path) -> None:
    """Centred Gram matrices of the test split, sorted by class, each of norm 1: teacher and students."""
    figure, axes = plt.subplots(1, len(SHOWN), figsize=(15, 4.4), layout='constrained')
    limit = None
    for axis, method in zip(axes, SHOWN, strict=True):
        feature, labels = first[method]
        order = labels.argsort(stable=True)
        feature = feature[order] - feature.mean(0)
        gram = feature @ feature.T
        gram = gram / gram.norm()
        limit = limit or gram.quantile(0.995).item()  # the teacher's, for all
        image = axis.imshow(gram, vmin=-limit, vmax=limit, cmap='RdBu_r', interpolation='nearest')
        counts = labels.bincount()
        middles = (counts.cumsum(0) - counts / 2).tolist()
        axis.set_xticks(middles, range(len(middles)))
        axis.set_yticks(middles, range(len(middles)))
        axis.set_xlabel('test images, by class')
        title = method.replace('KDA', 'student + KDA')
        if method != 'teacher':
            title += f'\nCKA with the teacher {rows[method]["cka"]["pre-FC"][0]:.2f}'
        axis.set_title(title)
    figure.colorbar(image, ax=axes, shrink=0.8, label='centred kernel of pre-FC features')
    figure.savefig(path, dpi=120)
    plt.close(figure)
