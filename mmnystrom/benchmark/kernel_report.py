"""How much of the teacher's kernel matrix a finished run brought over, in figures and pictures."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.runner.checkpoint import _load_checkpoint
from torch.utils.data import DataLoader, Subset

from mmnystrom.core import LANDMARKS, build_kernel, measure
from mmnystrom.core.landmarks import Use
from mmnystrom.plugin.log_names import log_labels
from mmnystrom.plugin.lookup import find_distiller, kda_losses, recorded_pair

from . import kernel_figures
from .choices import KERNELS
from .errors import ResultError
from .evaluate import load_finished_run
from .provenance import provenance
from .run_folder import RunFolder
from .tables import markdown_table, mean_std

ERRORS = ('nystrom_error_teacher', 'nystrom_error_student')


@dataclass(frozen=True)
class Curves:
    """What the Nystrom errors are measured for.

    Args:
        landmarks: Numbers of landmarks.
        kernels: Names of kernels, of :data:`~.choices.KERNELS`.
        seeds: Draws of each strategy that draws.
        tile: Rows and columns of a tile of a kernel matrix.
    """

    landmarks: Sequence[int] = (10, 20, 50, 100, 200)
    kernels: Sequence[str] = ('linear', 'rbf')
    seeds: int = 3
    tile: int = 1024


@torch.no_grad()
def features(runner, split: str, samples: int, device: str) -> tuple[dict, torch.Tensor, list | None]:
    """Loss -> the student's (n, d_S) and teacher's features (n, d_T); labels (n,); names of classes."""
    loader = runner.build_dataloader(runner.cfg[f'{split}_dataloader'])
    stride = -(-len(loader.dataset) // samples)
    classes = (getattr(loader.dataset, 'metainfo', None) or {}).get('classes')
    chosen = Subset(loader.dataset, range(0, len(loader.dataset), stride))
    loader = DataLoader(chosen, loader.batch_size or 64, collate_fn=loader.collate_fn)
    model = runner.model.to(device)
    model.eval()
    distiller, losses = find_distiller(model), kda_losses(model)
    parts, labels = {name: [] for name in losses}, []
    for batch in loader:
        data = model.data_preprocessor(batch, False)
        with distiller.student_recorders:
            model.student(data['inputs'], mode='tensor')
        with distiller.teacher_recorders:
            model.teacher(data['inputs'], mode='tensor')
        for name, (_, mapping) in losses.items():
            parts[name].append([rows.float() for rows in recorded_pair(distiller, name, mapping)])
        labels += [sample.gt_label.cpu() for sample in data['data_samples']]
    pairs = {
        name: tuple(torch.cat(part) for part in zip(*part, strict=True)) for name, part in parts.items()
    }
    return pairs, torch.cat(labels), list(classes) if isinstance(classes, (list, tuple)) else None


def fitted_kernels(loss, pair) -> tuple:
    """The loss's kernel for student and teacher; without landmarks gamma is found in the features."""
    if loss.landmarks is not None and loss.landmarks.ready:
        return loss.fitted_kernels()
    return tuple(loss.kernel.fit(rows) for rows in pair)


def classifiers(model, pair) -> tuple | None:
    """The weights that these features enter, if both networks end in such a linear layer."""
    found = []
    for network, rows in zip((model.student, model.teacher), pair, strict=True):
        layers = [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
        if not layers or layers[-1].in_features != rows.shape[1]:
            return None
        found.append(layers[-1].weight.detach())
    return tuple(found)


def error_curves(pair, labels, weights, wanted: Curves) -> dict:
    """Nystrom errors of every strategy.

    Landmarks are chosen among the images whose kernel matrix is approximated. A rule for gamma is
    applied to all these images, so that every strategy approximates the same matrix.

    Args:
        pair: The student's features (n, d_S) and the teacher's (n, d_T).
        labels: Shape (n,).
        weights: The classifiers' weights, or None.
        wanted: What to measure.

    Returns:
        Kernel -> strategy -> m -> figure -> one value a seed.
    """
    by_class = dict.fromkeys(('class_center', 'classifier'), [int(labels.max()) + 1])
    found = {}
    for name in wanted.kernels:
        kernels = tuple(build_kernel(KERNELS[name]).fit(feature) for feature in pair)
        found[name] = {}
        for strategy in LANDMARKS:
            numbers = [m for m in by_class.get(strategy, wanted.landmarks) if m <= len(labels)]
            if not numbers or (strategy == 'classifier' and weights is None):
                continue
            seeds = wanted.seeds if strategy not in (*by_class, 'fixed') else 1
            found[name][strategy] = {
                m: _errors(strategy, m, seeds, pair, labels, weights, kernels, wanted.tile)
                for m in numbers
            }
    return found


def _errors(strategy, m, seeds, pair, labels, weights, kernels, tile) -> dict[str, list[float]]:
    found = {figure: [] for figure in ERRORS}
    for seed in range(seeds):
        landmarks = choose(strategy, m, seed, pair, labels, weights, kernels[1])
        values = measure(*pair, kernels, landmarks.active(), tile=tile)
        for figure in ERRORS:
            found[figure].append(values[figure])
    return found


def choose(strategy, m, seed, pair, labels, weights, kernel):
    """Landmarks of one strategy among these features."""
    arguments = dict(num_landmarks=m)
    if strategy == 'fixed':  # for the sake of comparison: the first images
        step = max(len(labels) // m, 1)
        arguments = dict(indices=list(range(0, step * m, step)))
    elif strategy not in ('class_center', 'classifier'):
        arguments.update(seed=seed, pool_size=max(len(labels), m))
    landmarks = LANDMARKS.build(dict(type=strategy, **arguments), use=Use(kernel))
    sides = dict(labels=labels, indices=torch.arange(len(labels)), weights=weights)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # fewer different images than landmarks
        landmarks.observe(*pair, sides.get(landmarks.needs))
        landmarks.commit()
    return landmarks


def error_table(curves: dict, figure: str, numbers: list[int]) -> str:
    """Nystrom error in percent: a row a strategy and kernel, a column a number of landmarks."""
    columns = sorted({*numbers, *(m for rows in curves.values() for row in rows.values() for m in row)})
    lines = [['kernel', 'landmarks', *(f'm = {m}' for m in columns)]]
    for kernel, rows in curves.items():
        best = {
            m: min(sum(row[m][figure]) / len(row[m][figure]) for row in rows.values() if m in row)
            for m in columns
            if any(m in row for row in rows.values())
        }
        for strategy, row in rows.items():
            line = [kernel, strategy]
            for m in columns:
                values = [100 * value for value in row[m][figure]] if m in row else []
                cell = mean_std(values, 2)
                if values and sum(values) / len(values) <= 100 * best[m] + 5e-3:
                    cell = f'**{cell}**'
                line.append(cell)
            lines.append(line)
    return markdown_table(lines)


def step_of(checkpoint: Path, unit: str) -> int:
    """The epoch or iteration a checkpoint was written after.

    Raises:
        ResultError: If it does not say.
    """
    meta = _load_checkpoint(str(checkpoint), map_location='cpu').get('meta')
    if not isinstance(meta, dict) or not isinstance(meta.get(unit), int):
        raise ResultError(
            f'{checkpoint} does not say after which {unit} it was written: give checkpoints of '
            'tools/train.py (epoch_*.pth).'
        )
    return meta[unit]


def unit_of(cfg) -> str:
    """Whether a run counts by 'epoch' or by 'iter'."""
    return 'iter' if 'Iter' in cfg.train_cfg.get('type', '') else 'epoch'


def logged_curve(folder: Path, label: str) -> dict[int, float]:
    """Step -> kernel transfer, as KernelMonitorHook logged it in the folder of a run."""
    return RunFolder(folder).curve(f'kernel/{label}/transfer')


def transfer_curves(rows: dict, label: str) -> dict[str, tuple[dict, dict]]:
    """Folder of a run -> step -> transfer, of its checkpoints, and as it was logged."""
    curves = {}
    for checkpoint, row in rows.items():
        folder = Path(checkpoint).parent
        if str(folder) not in curves:
            curves[str(folder)] = {}, logged_curve(folder, label)
        if 'transfer' in row:
            curves[str(folder)][0][row['step']] = row['transfer']
    return curves


def write_kernel_report(
    config: Path,
    checkpoints: Sequence[Path],
    out: Path,
    split: str = 'val',
    samples: int = 2000,
    curves: Curves | None = None,
    device: str = 'cpu',
    options: dict | None = None,
) -> tuple[str, dict]:
    """Write report.md, report.json, and four pictures for each KDALoss.

    The student and the teacher of every checkpoint see the same images. The features of every KDALoss
    are taken after its connectors. The pictures show the Gram matrices by class, the eigenvalues, the
    Nystrom error against the number of landmarks for every strategy, and kernel transfer over the
    epochs: of the checkpoints given, and of what KernelMonitorHook logged beside them.

    Args:
        config: Config of the run.
        checkpoints: Its checkpoints, or those of several runs.
        out: Folder for everything that is written.
        split: ``'val'``, ``'train'`` or ``'test'``. Defaults to ``'val'``.
        samples: Images at most, spread evenly over the split. Defaults to 2000.
        curves: What the Nystrom errors are measured for. Defaults to None, the defaults of
            :class:`Curves`.
        device: Where the networks run. Defaults to ``'cpu'``.
        options: Changes of the config. Defaults to None.

    Returns:
        The text of report.md, and what report.json holds.

    Raises:
        ResultError: If the config has no KDALoss, or a checkpoint does not say its epoch.
    """
    curves = curves or Curves()
    out.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, dict]] = {}
    for checkpoint in checkpoints:
        runner = load_finished_run(config, str(checkpoint), out, options)
        losses = {name: loss for name, (loss, _) in kda_losses(runner.model).items()}
        if not losses:
            raise ResultError(f'{config} has no KDALoss: there is no kernel to report on.')
        pairs, labels, classes = features(runner, split, samples, device)
        unit = unit_of(runner.cfg)
        step = step_of(checkpoint, unit)
        for name, loss in losses.items():
            measured = loss.measure(*pairs[name], tile=curves.tile)
            results.setdefault(name, {})[str(checkpoint)] = dict(step=step, **measured)
    # The pictures are of the last checkpoint.
    text, errors = [], {}
    for name, label in log_labels(losses).items():
        pair = pairs[name]
        errors[name] = error_curves(pair, labels, classifiers(runner.model, pair), curves)
        _draw(out, label, losses[name], pair, labels, results[name], errors[name], unit, classes)
        text += [f'## {name}', figure_table(results[name], unit)]
        for figure, network in zip(ERRORS, ('teacher', 'student'), strict=True):
            title = f'Nystrom error of the {network}, % of ||K||_F, {len(labels)} images'
            text += [title, error_table(errors[name], figure, curves.landmarks)]
    report = '\n\n'.join(text)
    found = dict(losses=results, errors=errors, images=len(labels), split=split, **provenance())
    (out / 'report.md').write_text(report + '\n')
    (out / 'report.json').write_text(json.dumps(found, indent=2) + '\n')
    return report, found


def _draw(out: Path, label: str, loss, pair, labels, results, errors, unit: str, classes) -> None:
    kernels = fitted_kernels(loss, pair)
    number = loss.landmarks.num_active if loss.landmarks is not None else 0
    last = list(results.values())[-1].get('transfer')
    kernel_figures.gram_matrices(out / f'{label}_gram.png', pair, kernels, labels, last, classes)
    kernel_figures.spectra(out / f'{label}_spectra.png', pair, kernels, number)
    kernel_figures.errors(out / f'{label}_nystrom_error.png', errors, ERRORS[0])
    kernel_figures.transfer(out / f'{label}_transfer.png', transfer_curves(results, label), unit)


def figure_table(rows: dict, unit: str) -> str:
    """The figures of a loss, a row a checkpoint."""
    names = list(dict.fromkeys(n for row in rows.values() for n in row if n != 'step'))
    several = len({Path(checkpoint).parent for checkpoint in rows}) > 1
    lines = [[*(['run'] if several else []), unit, *names]]
    for checkpoint, row in rows.items():
        cells = [f'{row[n]:.4g}' if n in row else '-' for n in names]
        run = [Path(checkpoint).parent.name] if several else []
        lines.append([*run, str(row['step']), *cells])
    return markdown_table(lines)
