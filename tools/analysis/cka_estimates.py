"""What a batch tells of the CKA of a whole data set: its own CKA, and that against landmarks.

The features are those of two teachers of tools/analysis/can_it_hurt.py (train them first) over all
their training images. For batches of 32 to 256 images it prints mean and standard deviation of every
estimate beside the true value, and draws them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from can_it_hurt_runs import DATA, TEACHERS, images, network, preprocessor, teacher_path  # noqa: E402, I001
from demo_report import provenance  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import torch  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402
from mmengine.dataset import pseudo_collate  # noqa: E402
from mmpretrain.registry import MODELS  # noqa: E402
from runs import markdown_table  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from torch import Tensor  # noqa: E402

from mmnystrom.core import KernelTransferLoss, measure  # noqa: E402
from mmnystrom.core.kernels import Linear  # noqa: E402

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
    figure, axes = plt.subplots(figsize=(6.4, 4))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/can_it_hurt'))
    parser.add_argument('--repeats', type=int, default=200, help='batches of each size (default: 200)')
    args = parser.parse_args()
    data, names = 'CIFAR 20 x 500', ('ConvNeXt', 'ResNet')
    for name in names:
        path = teacher_path(args.work_dir, data, name)
        if not path.exists():
            sys.exit(f'{path} is not there: run tools/analysis/can_it_hurt.py table first.')
    (student, labels), (teacher, _) = (features(data, name, args.work_dir) for name in names)
    true = measure(student, teacher, (Linear(), Linear()))['cka']
    found = summary(estimates(student, teacher, labels, args.repeats))
    lines = [['estimate', *(f'batch {size}' for size in BATCHES), 'all images']]
    for name, values in found.items():
        cells = [f'{v["mean"]:.3f} ± {v["std"]:.3f}' for v in (values[str(s)] for s in BATCHES)]
        whole = values.get('all images')
        lines.append([name, *cells, f'{whole["mean"]:.3f}' if whole else f'{true:.3f} (true)'])
    print(markdown_table(lines))
    result = dict(true=true, estimates=found, repeats=args.repeats, **provenance())
    (args.work_dir / 'cka_estimates.json').write_text(json.dumps(result, indent=1) + '\n')
    draw(true, found, args.work_dir / 'cka_estimates.png')


if __name__ == '__main__':
    main()
