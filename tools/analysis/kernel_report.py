"""How much of the teacher's kernel matrix a finished run brought over, in figures and pictures.

Runs the student and the teacher of every checkpoint over images of the config's validation (or
training) data, takes the features of every KDALoss after its connectors, and writes below --out:
report.md and report.json, and for each loss four pictures: the Gram matrices by class, the eigenvalues,
the Nystrom error against the number of landmarks for every strategy, and kernel transfer over the
epochs (of the checkpoints given, and of what KernelMonitorHook logged beside them).
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

import kernel_pictures as pictures  # noqa: E402
import torch  # noqa: E402
from demo_report import finished, mean_std, provenance  # noqa: E402
from digits_table import KERNELS  # noqa: E402
from mmengine.config import DictAction  # noqa: E402
from mmengine.runner.checkpoint import _load_checkpoint  # noqa: E402
from run_folder import read_figures  # noqa: E402
from runs import markdown_table  # noqa: E402
from torch.utils.data import DataLoader, Subset  # noqa: E402

from mmnystrom.core import LANDMARKS, build_kernel, build_landmarks, measure  # noqa: E402
from mmnystrom.plugin.distiller import find_distiller, kda_losses, recorded_pair  # noqa: E402
from mmnystrom.plugin.monitor import log_labels  # noqa: E402

ERRORS = ('nystrom_error_teacher', 'nystrom_error_student')


def parse_args(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', type=Path)
    parser.add_argument('checkpoints', nargs='+', type=Path, metavar='CHECKPOINT')
    parser.add_argument('--out', type=Path, help='(default: work_dirs/kernel_report/<config>)')
    parser.add_argument('--split', choices=('val', 'train', 'test'), default='val')
    parser.add_argument('--samples', type=int, default=2000, help='images, spread evenly (default: 2000)')
    parser.add_argument('--landmarks', type=int, nargs='+', default=[10, 20, 50, 100, 200])
    parser.add_argument('--kernels', nargs='+', choices=KERNELS, default=['linear', 'rbf'])
    parser.add_argument('--seeds', type=int, default=3, help='draws of each strategy (default: 3)')
    parser.add_argument('--tile', type=int, default=1024)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    args = parser.parse_args(argv)
    for name in ('samples', 'seeds', 'tile'):
        if getattr(args, name) < 1:
            parser.error(f'--{name}={getattr(args, name)} must be at least 1')
    if min(args.landmarks) < 1:
        parser.error(f'--landmarks={args.landmarks} must all be at least 1')
    for path in (args.config, *args.checkpoints):
        if not path.is_file():
            parser.error(f'{path} does not exist')
    args.out = args.out or Path('work_dirs/kernel_report') / args.config.stem
    return args


@torch.no_grad()
def features(runner, split: str, samples: int, device: str) -> tuple[dict, torch.Tensor]:
    """Loss -> the student's (n, d_S) and the teacher's features (n, d_T), and the labels (n,)."""
    loader = runner.build_dataloader(runner.cfg[f'{split}_dataloader'])
    stride = -(-len(loader.dataset) // samples)
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
    return pairs, torch.cat(labels)


def fitted_kernels(loss, pair) -> tuple:
    """The loss's kernel for student and teacher; without landmarks gamma is found in the features."""
    if loss.landmarks is not None and loss.landmarks.ready:
        return loss.landmarks.fitted_kernels()
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


def error_curves(pair, labels, weights, args) -> dict:
    """Kernel -> strategy -> m -> figure -> one value a seed.

    Landmarks are chosen among the images whose kernel matrix is approximated. A rule for gamma is
    applied to all these images, so that every strategy approximates the same matrix.
    """
    classes = int(labels.max()) + 1
    found = {}
    for kernel_name in args.kernels:
        kernels = tuple(build_kernel(KERNELS[kernel_name]).fit(rows) for rows in pair)
        curves = found[kernel_name] = {}
        for strategy in LANDMARKS:
            for m in args.landmarks if strategy not in ('class_center', 'classifier') else [classes]:
                if m > len(labels) or (strategy == 'classifier' and weights is None):
                    continue
                draws = (
                    args.seeds
                    if strategy in ('kmeans', 'random', 'kmeans++', 'leverage', 'farthest')
                    else 1
                )
                row = {figure: [] for figure in ERRORS}
                for seed in range(draws):
                    landmarks = choose(strategy, m, seed, pair, labels, weights, kernels[1])
                    values = measure(*pair, kernels, landmarks.rows(), tile=args.tile)
                    for figure in ERRORS:
                        row[figure].append(values[figure])
                curves.setdefault(strategy, {})[m] = row
    return found


def choose(strategy, m, seed, pair, labels, weights, kernel):
    """Landmarks of one strategy among these features."""
    arguments = dict(num_landmarks=m)
    if strategy == 'fixed':  # for the sake of comparison: the first images
        step = max(len(labels) // m, 1)
        arguments = dict(indices=list(range(0, step * m, step)))
    elif strategy not in ('class_center', 'classifier'):
        arguments.update(seed=seed, pool_size=max(len(labels), m))
    landmarks = build_landmarks(dict(type=strategy, **arguments))
    landmarks.kernel = kernel
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
                cell = mean_std(values, 2) if values else '-'
                if values and sum(values) / len(values) <= 100 * best[m] + 5e-3:
                    cell = f'**{cell}**'
                line.append(cell)
            lines.append(line)
    return markdown_table(lines)


def step_of(checkpoint: Path, unit: str) -> int:
    """The epoch or iteration a checkpoint was written after.

    Raises:
        SystemExit: If it does not say.
    """
    meta = _load_checkpoint(str(checkpoint), map_location='cpu').get('meta')
    if not isinstance(meta, dict) or not isinstance(meta.get(unit), int):
        raise SystemExit(
            f'{checkpoint} does not say after which {unit} it was written: give checkpoints of '
            'tools/train.py (epoch_*.pth).'
        )
    return meta[unit]


def unit_of(cfg) -> str:
    """Whether a run counts by 'epoch' or by 'iter'."""
    return 'iter' if 'Iter' in cfg.train_cfg.get('type', '') else 'epoch'


def logged_curve(folder: Path, label: str) -> dict[int, float]:
    """Step -> kernel transfer, as KernelMonitorHook logged it in the folder of a run."""
    curve = {}
    for row in read_figures(folder):
        if f'kernel/{label}/transfer' in row:
            curve[int(row['step'])] = row[f'kernel/{label}/transfer']
    return curve


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


def report(args) -> dict:
    """Everything: figures and pictures; returns what report.json holds."""
    args.out.mkdir(parents=True, exist_ok=True)
    results, last = {}, None
    for checkpoint in args.checkpoints:
        runner = finished(args.out, args.config, str(checkpoint), args.cfg_options)
        losses = {name: loss for name, (loss, _) in kda_losses(runner.model).items()}
        if not losses:
            raise SystemExit(f'{args.config} has no KDALoss: there is no kernel to report on.')
        pairs, labels = features(runner, args.split, args.samples, args.device)
        unit = unit_of(runner.cfg)
        for name, loss in losses.items():
            figures = loss.measure(*pairs[name], tile=args.tile)
            row = dict(step=step_of(checkpoint, unit), **figures)
            results.setdefault(name, {})[str(checkpoint)] = row
        last = runner.model, pairs, labels, losses
    model, pairs, labels, losses = last
    text, curves = [], {}
    for name, label in log_labels(losses).items():
        pair, loss = pairs[name], losses[name]
        kernels = fitted_kernels(loss, pair)
        curves[name] = error_curves(pair, labels, classifiers(model, pair), args)
        in_use = loss.landmarks.in_use if loss.landmarks is not None else 0
        shown = results[name][str(args.checkpoints[-1])].get('transfer')
        pictures.gram_matrices(args.out / f'{label}_gram.png', pair, kernels, labels, shown)
        pictures.spectra(args.out / f'{label}_spectra.png', pair, kernels, in_use)
        pictures.errors(args.out / f'{label}_nystrom_error.png', curves[name], ERRORS[0])
        curves_of_runs = transfer_curves(results[name], label)
        pictures.transfer(args.out / f'{label}_transfer.png', curves_of_runs, unit)
        text += [f'## {name}', figure_table(results[name], unit)]
        for figure, network in zip(ERRORS, ('teacher', 'student'), strict=True):
            title = f'Nystrom error of the {network}, % of ||K||_F, {len(labels)} images'
            text += [title, error_table(curves[name], figure, args.landmarks)]
    found = dict(losses=results, errors=curves, images=len(labels), split=args.split, **provenance())
    (args.out / 'report.md').write_text('\n\n'.join(text) + '\n')
    (args.out / 'report.json').write_text(json.dumps(found, indent=2) + '\n')
    print('\n\n'.join(text) + f'\n\nPictures and figures: {args.out}')
    return found


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


if __name__ == '__main__':
    report(parse_args())
