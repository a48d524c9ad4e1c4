"""What a batch tells of the CKA of a whole data set: its own CKA, and that against landmarks.

The features are those of two teachers of the question whether KDA can hurt, over all their training
images.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import torch
from matplotlib.figure import Figure
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from sklearn.cluster import KMeans
from torch import Tensor

from mmnystrom.core import KernelTransferLoss, build_kernel, measure

from ..errors import ResultError
from ..provenance import provenance
from ..tables import markdown_table
from .networks import TEACHERS, network
from .runs import DATA, images, preprocessor, teacher_path

DATA_NAME, NAMES = 'CIFAR 20 x 500', ('ConvNeXt', 'ResNet')
BATCHES = (32, 64, 128, 256)


@torch.no_grad()
def features(data: str, name: str, work_dir: Path) -> tuple[Tensor, Tensor]:
    """Pooled features (n, d) of a teacher over its training images, and labels (n,)."""
    cfg = network(name, TEACHERS, DATA[data].classes)
    cfg['data_preprocessor'] = preprocessor(data)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg)
    model.load_state_dict(torch.load(teacher_path(work_dir, data, name), weights_only=True))
    model.eval()
    dataset = images(data, 'train', None)
    rows, labels = [], []
    for start in range(0, len(dataset), 250):
        batch = [dataset[i] for i in range(start, min(start + 250, len(dataset)))]
        ready = model.data_preprocessor(pseudo_collate(batch), False)
        rows.append(model.extract_feat(ready['inputs'])[-1])
        labels += [int(sample.gt_label) for sample in ready['data_samples']]
    return torch.cat(rows), torch.tensor(labels)


def landmark_sets(student: Tensor, teacher: Tensor, labels: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Landmarks of both networks, by the name of their strategy."""
    classes = torch.nn.functional.one_hot(labels).float()
    clusters = KMeans(100, n_init=1, random_state=0).fit(teacher.numpy()).labels_
    found = {}
    kinds = {'class centres': classes}
    kinds['100 of k-means'] = torch.nn.functional.one_hot(torch.from_numpy(clusters).long()).float()
    for name, member in kinds.items():
        mean = member / member.sum(0)
        found[name] = mean.T @ student, mean.T @ teacher
    drawn = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))[:500]
    found['500 at random'] = student[drawn], teacher[drawn]
    return found


def estimates(student: Tensor, teacher: Tensor, labels: Tensor, repeats: int) -> dict:
    """Estimate -> batch size -> values of random batches."""
    losses = {'the batch alone': KernelTransferLoss(preset='cka')}
    for name, (s_rows, t_rows) in landmark_sets(student, teacher, labels).items():
        given = dict(type='fixed', student=s_rows, teacher=t_rows)
        losses[name] = KernelTransferLoss(given, preset='landmark_cka')
    generator = torch.Generator().manual_seed(1)
    found = {name: {size: [] for size in BATCHES} for name in losses}
    for size in BATCHES:
        for _ in range(repeats):
            batch = torch.randperm(len(labels), generator=generator)[:size]
            for name, loss in losses.items():
                found[name][size].append(1 - loss(student[batch], teacher[batch]).item())
    for name, loss in losses.items():
        if loss.landmarks is not None:
            found[name]['all images'] = [1 - loss(student, teacher).item()]
    return found


def summary(found: dict) -> dict:
    """Mean and standard deviation of every estimate and batch size."""
    return {
        name: {
            str(size): dict(mean=statistics.mean(x), std=statistics.stdev(x) if len(x) > 1 else 0)
            for size, x in values.items()
        }
        for name, values in found.items()
    }


def draw(true: float, found: dict, path: Path) -> None:
    """A summary against the batch size."""
    figure = Figure(figsize=(6.4, 4))
    axes = figure.subplots()
    for shift, (name, values) in enumerate(found.items()):
        mean, std = ([values[str(size)][what] for size in BATCHES] for what in ('mean', 'std'))
        place = [size * 1.03**shift for size in BATCHES]
        axes.errorbar(place, mean, std, marker='o', capsize=3, label=name)
    axes.axhline(true, color='black', linestyle='--', label='true value, all images')
    axes.set(xscale='log', xlabel='images in the batch', ylabel='CKA', xticks=BATCHES)
    axes.set_xticklabels(BATCHES)
    axes.minorticks_off()
    axes.legend(fontsize=8, ncols=3, loc='upper center', bbox_to_anchor=(0.5, 1.2))
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def write_cka_estimates(work_dir: Path, repeats: int) -> str:
    """Write cka_estimates.json and a picture: every estimate for batches of 32 to 256 images.

    Args:
        work_dir: Where the teachers are.
        repeats: Batches of each size.

    Returns:
        The table, Markdown: mean and standard deviation of every estimate beside the true value.

    Raises:
        ResultError: If a teacher is not there.
    """
    for name in NAMES:
        path = teacher_path(work_dir, DATA_NAME, name)
        if not path.exists():
            raise ResultError(f'{path} is not there: run tools/analysis/can_it_hurt.py table first.')
    (student, labels), (teacher, _) = (features(DATA_NAME, name, work_dir) for name in NAMES)
    linear = build_kernel('linear')
    true = measure(student, teacher, (linear, linear))['cka']
    found = summary(estimates(student, teacher, labels, repeats))
    lines = [['estimate', *(f'batch {size}' for size in BATCHES), 'all images']]
    for name, values in found.items():
        cells = [f'{v["mean"]:.3f} ± {v["std"]:.3f}' for v in (values[str(s)] for s in BATCHES)]
        whole = values.get('all images')
        lines.append([name, *cells, f'{whole["mean"]:.3f}' if whole else f'{true:.3f} (true)'])
    result = dict(true=true, estimates=found, repeats=repeats, **provenance())
    (work_dir / 'cka_estimates.json').write_text(json.dumps(result, indent=1) + '\n')
    draw(true, found, work_dir / 'cka_estimates.png')
    return markdown_table(lines)
