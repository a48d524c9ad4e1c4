"""The pictures of a benchmark and of the demo."""

from __future__ import annotations

import statistics
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from .evaluate import Result

OURS = 'KDA'


def _spread(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _color(name: str) -> str:
    return 'tab:orange' if name.startswith(OURS) else 'tab:gray' if 'alone' in name else 'tab:blue'


def accuracy(path: Path, title: str, results: dict[str, Result], teacher: float | None) -> None:
    """Draw bars of top-1 at the last epoch, best first, with the standard deviation over seeds.

    Methods that diverged on some seed are left out.
    """
    results = {name: result for name, result in results.items() if not result.diverged} or results
    names = sorted(results, key=lambda name: statistics.mean(results[name].top1))
    means = [statistics.mean(results[name].top1) for name in names]
    spreads = [_spread(results[name].top1) for name in names]
    figure = Figure(figsize=(8, 1.2 + 0.32 * len(names)), layout='constrained')
    axis = figure.subplots()
    axis.barh(names, means, xerr=spreads, color=[_color(name) for name in names], capsize=3)
    top = max(m + s for m, s in zip(means, spreads, strict=True))
    low = min(m - s for m, s in zip(means, spreads, strict=True))
    if teacher is not None:
        axis.axvline(teacher, color='black', linestyle='--', linewidth=1)
        axis.annotate(
            f'teacher {teacher:.2f}',
            (teacher, -0.9),
            ha='right',
            va='center',
            fontsize=8,
            xytext=(-3, 0),
            textcoords='offset points',
        )
        top = max(top, teacher)
    margin = max(top - low, 0.5)
    axis.set_xlim(max(0, low - 0.25 * margin), min(top + 0.1 * margin, 101))
    for y, mean in enumerate(means):
        place = axis.get_xlim()[0], y
        shift = dict(xytext=(4, 0), textcoords='offset points')
        axis.annotate(f'{mean:.2f}', place, va='center', fontsize=8, color='white', **shift)
    axis.set_ylim(-1.2, len(names) - 0.4)
    seeds = max(len(result.top1) for result in results.values())
    axis.set_xlabel(f'top-1 at the last epoch (%), mean and std of {seeds} seed{"s" * (seeds > 1)}')
    axis.set_title(title)
    figure.savefig(path, dpi=120)


def transfer(path: Path, title: str, results: dict[str, Result]) -> None:
    """Draw top-1 against kernel transfer, pre-FC and post-FC.

    Methods carry numbers, so that none hides another. Those far below the others, and those that
    diverged, are named below the picture.
    """
    first = next(iter(results.values()))
    layers = [layer for layer in first.transfer if any(r.transfer[layer] for r in results.values())]
    if not layers:
        return
    means = {name: statistics.mean(result.top1) for name, result in results.items()}
    low = _fence([mean for name, mean in means.items() if not results[name].diverged])
    shown = {
        name: result for name, result in results.items() if means[name] >= low and not result.diverged
    }
    figure = Figure(figsize=(5.2 * len(layers) + 2, 5), layout='constrained')
    axes = figure.subplots(1, len(layers), sharey=True, squeeze=False)[0]
    for axis, layer in zip(axes, layers, strict=True):
        _scatter(axis, shown, layer)
        axis.set_xlabel(f'kernel transfer {layer}, ||K_S - K_T|| / ||K_T||')
        axis.grid(alpha=0.3)
    axes[0].set_ylabel('top-1 at the last epoch (%)')
    axes[-1].legend(*axes[0].get_legend_handles_labels(), loc='upper left', bbox_to_anchor=(1, 1))
    far = [f'{name} ({means[name]:.1f})' for name in results if name not in shown]
    figure.suptitle(title + (f'\nnot shown, far below: {", ".join(far)}' if far else ''), fontsize=10)
    figure.savefig(path, dpi=120)


def _scatter(axis, results: dict[str, Result], layer: str) -> None:
    places = []
    for number, (name, result) in enumerate(results.items(), 1):
        values = result.transfer[layer]
        if not values:
            continue
        x, y = statistics.mean(values), statistics.mean(result.top1)
        places.append(x)
        spreads = dict(xerr=_spread(values), yerr=_spread(result.top1))
        axis.errorbar(x, y, **spreads, color=_color(name), capsize=2, alpha=0.35, zorder=1)
        axis.scatter(x, y, s=150, color=_color(name), label=f'{number}  {name}', zorder=2)
        center = dict(ha='center', va='center', fontsize=7, color='white', zorder=3)
        axis.annotate(str(number), (x, y), **center)
    if max(places) > 4 * min(places):
        axis.set_xscale('log')
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter('{x:g}')
        axis.xaxis.set_minor_formatter(NullFormatter())


def gram_matrices(path: Path, features: dict[str, Tensor], labels: Tensor, cka: dict[str, float]) -> None:
    """Draw centred Gram matrices side by side, images sorted by class, each matrix of norm 1.

    Args:
        path: Where the picture goes.
        features: Name -> features (N, d); the first are the teacher's, whose colours all have.
        labels: Shape (N,).
        cka: Name -> centred kernel alignment with the teacher, for the titles.
    """
    figure = Figure(figsize=(15, 4.4), layout='constrained')
    axes = figure.subplots(1, len(features), squeeze=False)[0]
    order = labels.argsort(stable=True)
    counts = labels.bincount()
    middles = (counts.cumsum(0) - counts / 2).tolist()
    limit = None
    for axis, (name, feature) in zip(axes, features.items(), strict=True):
        feature = feature[order] - feature.mean(0)
        gram = feature @ feature.T
        gram = gram / gram.norm()
        limit = limit or gram.quantile(0.995).item()
        image = axis.imshow(gram, vmin=-limit, vmax=limit, cmap='RdBu_r', interpolation='nearest')
        axis.set_xticks(middles, range(len(middles)))
        axis.set_yticks(middles, range(len(middles)))
        axis.set_xlabel('test images, by class')
        title = name.replace(OURS, f'student + {OURS}')
        axis.set_title(f'{title}\nCKA with the teacher {cka[name]:.2f}' if name in cka else title)
    figure.colorbar(image, ax=axes, shrink=0.8, label='centred kernel of pre-FC features')
    figure.savefig(path, dpi=120)


def _fence(values: list[float]) -> float:
    """Two interquartile ranges below the lower quartile."""
    if len(values) < 4:
        return min(values)
    first, _, third = statistics.quantiles(values, n=4)
    return first - 2 * (third - first)
