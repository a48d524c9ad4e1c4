"""The pictures of a kernel report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator
from torch import Tensor

#: Strategy -> marker and colour, the same in every picture.
STYLES = {
    'class_center': ('*', 'black'),
    'kmeans': ('o', 'tab:blue'),
    'random': ('v', 'tab:gray'),
    'kmeans++': ('s', 'tab:cyan'),
    'farthest': ('^', 'tab:orange'),
    'leverage': ('D', 'tab:green'),
    'classifier': ('P', 'tab:red'),
    'fixed': ('x', 'tab:brown'),
}
#: Rows of a Gram matrix that can be told apart in print.
SHOWN = 600


def gram_matrices(
    path: Path,
    pair,
    kernels,
    labels: Tensor,
    transfer: float | None,
    classes: Sequence[str] | None = None,
) -> None:
    """Draw the teacher's and the student's Gram matrix side by side, images sorted by class."""
    order = labels.argsort(stable=True)
    order = order[:: -(-len(order) // SHOWN)]
    counts = labels[order].bincount()
    figure = Figure(figsize=(10, 4.8), layout='constrained')
    axes = figure.subplots(1, 2)
    last = '' if transfer is None else f', transfer error {transfer:.2f}'
    limits = None
    for axis, name, rows, kernel in zip(
        axes, ('teacher', f'student{last}'), pair[::-1], kernels[::-1], strict=True
    ):
        gram = kernel(rows[order.to(rows.device)], rows[order.to(rows.device)]).cpu()
        # The teacher's colours for both, without the tails of its values.
        limits = limits or (gram.quantile(0.01).item(), gram.quantile(0.995).item())
        image = axis.imshow(gram, vmin=limits[0], vmax=limits[1], cmap='viridis', interpolation='nearest')
        every = max(len(counts) // 10, 1)
        places = (counts.cumsum(0) - counts / 2)[::every].tolist()
        names = list(range(len(counts)) if classes is None else classes)[: len(counts) : every]
        long = max(len(str(name)) for name in names) > 3
        axis.set_xticks(places, names, rotation=90 if long else 0)
        axis.set_yticks(places, names)
        axis.set_xlabel('images, by class')
        axis.set_ylabel('images, by class')
        axis.set_title(name)
    figure.colorbar(image, ax=axes, shrink=0.9, label=f'{type(kernels[1]).__name__.lower()} kernel')
    figure.savefig(path, dpi=120)


def spectra(path: Path, pair, kernels, landmarks: int) -> None:
    """Draw the eigenvalues of both kernel matrices, as shares of their sum."""
    figure = Figure(figsize=(6.4, 4.4), layout='constrained')
    axis = figure.subplots()
    for name, rows, kernel, style in zip(('student', 'teacher'), pair, kernels, ('--', '-'), strict=True):
        values = torch.linalg.eigvalsh(kernel(rows.double(), rows.double())).flip(0).clamp_min(0).cpu()
        shares = values / values.sum()
        shares = shares[shares > 1e-9]
        axis.loglog(range(1, len(shares) + 1), shares, style, label=f'{name}, d = {rows.shape[1]}')
    if landmarks:
        axis.axvline(landmarks, color='gray', linestyle=':', label=f'{landmarks} landmarks')
    axis.set_xlabel('index of the eigenvalue')
    axis.set_ylabel('share of the sum of eigenvalues')
    axis.set_title(f'Spectra of the kernel matrices, {len(pair[0])} images')
    axis.legend()
    axis.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def errors(path: Path, curves: dict, figure_name: str) -> None:
    """Draw the Nystrom error against the number of landmarks, a panel a kernel, a line a strategy."""
    figure = Figure(figsize=(5 * len(curves) + 1.6, 4.6), layout='constrained')
    axes = figure.subplots(1, len(curves), squeeze=False)
    for axis, (kernel, rows) in zip(axes[0], curves.items(), strict=True):
        for strategy, row in rows.items():
            marker, colour = STYLES[strategy]
            numbers = sorted(row)
            means = [100 * sum(row[m][figure_name]) / len(row[m][figure_name]) for m in numbers]
            # A linear kernel's error is 0 once the landmarks span the features.
            means = [max(mean, 1e-3) for mean in means]
            line = 'none' if len(numbers) == 1 else '-'
            axis.loglog(
                numbers, means, marker=marker, color=colour, linestyle=line, label=strategy, markersize=6
            )
        axis.set_xlabel('number of landmarks m')
        axis.set_title(f'{kernel} kernel')
        ticks = sorted({m for row in rows.values() for m in row})
        axis.set_xticks(ticks, ticks)
        axis.xaxis.set_minor_locator(NullLocator())
        # Some range or other may hold no power of ten.
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter('{x:g}')
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel('Nystrom error of the teacher, % of ||K||')
    axes[0][-1].legend(loc='center left', bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.savefig(path, dpi=120)


def transfer(path: Path, curves: dict[str, tuple[dict, dict]], unit: str) -> None:
    """Draw kernel transfer over runs: that of the checkpoints, and that logged in training."""
    figure = Figure(figsize=(6.4, 4.0), layout='constrained')
    axis = figure.subplots()
    steps = set()
    for n, (folder, (computed, logged)) in enumerate(curves.items()):
        run = f'{Path(folder).name}, ' if len(curves) > 1 else ''
        for values, style, name in ((logged, '-', 'at validation'), (computed, 'o', 'checkpoints')):
            if values:
                places = sorted(values)
                steps.update(places)
                label = run + name
                axis.plot(places, [values[x] for x in places], style, color=f'C{n}', label=label)
    if len(steps) <= 12:
        axis.set_xticks(sorted(steps), sorted(steps))
    axis.set_ylim(bottom=0)
    axis.set_xlabel(dict(epoch='epoch', iter='iteration')[unit])
    axis.set_ylabel(r'$\|K_S - K_T\|_F \; / \; \|K_T\|_F$, lower is better')
    axis.set_title('Kernel transfer error')
    if len(curves) > 1:  # names of folders are long
        figure.legend(loc='outside lower left', fontsize='small', frameon=False)
        figure.set_size_inches(6.4, 4.0 + 0.4 * len(curves))
    elif steps:
        axis.legend()
    axis.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
