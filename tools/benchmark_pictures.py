"""The pictures of a benchmark."""

from __future__ import annotations

import statistics
from pathlib import Path

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt

OURS = 'KDA'


def _spread(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _color(name: str) -> str:
    return 'tab:orange' if name.startswith(OURS) else 'tab:gray' if 'alone' in name else 'tab:blue'


def accuracy(path: Path, title: str, rows: dict, teacher: float | None) -> None:
    """Bars of top-1 at the last epoch, best first, with the standard deviation over seeds.

    Without methods that diverged on some seed.
    """
    rows = {name: row for name, row in rows.items() if not row['diverged']} or rows
    names = sorted(rows, key=lambda name: statistics.mean(rows[name]['top1']))
    means = [statistics.mean(rows[name]['top1']) for name in names]
    spreads = [_spread(rows[name]['top1']) for name in names]
    figure, axis = plt.subplots(figsize=(8, 1.2 + 0.32 * len(names)), layout='constrained')
    axis.barh(names, means, xerr=spreads, color=[_color(name) for name in names], capsize=3)
    for y, (mean, spread) in enumerate(zip(means, spreads, strict=True)):
        axis.annotate(f' {mean:.2f}', (mean + spread, y), va='center', fontsize=8)
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
    axis.set_xlim(max(0, low - 0.25 * margin), min(top + 0.15 * margin, 101))
    axis.set_ylim(-1.2, len(names) - 0.4)
    seeds = max(len(row['top1']) for row in rows.values())
    axis.set_xlabel(f'top-1 at the last epoch (%), mean and std of {seeds} seed{"s" * (seeds > 1)}')
    axis.set_title(title)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def transfer(path: Path, title: str, rows: dict) -> None:
    """Top-1 against kernel transfer, pre-FC and post-FC."""
    layers = [layer for layer in next(iter(rows.values()))['transfer'] if _any(rows, layer)]
    if not layers:
        return
    figure, axes = plt.subplots(
        1, len(layers), figsize=(6.4 * len(layers), 5), sharey=True, squeeze=False, layout='constrained'
    )
    for axis, layer in zip(axes[0], layers, strict=True):
        points = []
        for name, row in rows.items():
            if not row['transfer'][layer]:
                continue
            x, y = statistics.mean(row['transfer'][layer]), statistics.mean(row['top1'])
            spreads = dict(xerr=_spread(row['transfer'][layer]), yerr=_spread(row['top1']))
            axis.errorbar(x, y, **spreads, fmt='o', color=_color(name), capsize=2, alpha=0.8)
            points.append((x, y, name))
        if max(x for x, _, _ in points) > 4:  # a few run away
            axis.set_xscale('log')
        # Names to the right of their points, every second one above the line.
        for rank, (x, y, name) in enumerate(sorted(points, key=lambda point: point[1])):
            offset = (5, 5 if rank % 2 else -9)
            axis.annotate(name, (x, y), xytext=offset, textcoords='offset points', fontsize=8)
        axis.set_xlabel(f'kernel transfer {layer}, ||K_S - K_T|| / ||K_T||')
        axis.grid(alpha=0.3)
        axis.margins(x=0.12, y=0.08)
    axes[0][0].set_ylabel('top-1 at the last epoch (%)')
    figure.suptitle(title)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _any(rows: dict, layer: str) -> bool:
    return any(row['transfer'][layer] for row in rows.values())
