"""The pictures of a benchmark."""

from __future__ import annotations

import statistics
from pathlib import Path

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter

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
    seeds = max(len(row['top1']) for row in rows.values())
    axis.set_xlabel(f'top-1 at the last epoch (%), mean and std of {seeds} seed{"s" * (seeds > 1)}')
    axis.set_title(title)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def transfer(path: Path, title: str, rows: dict) -> None:
    """Top-1 against kernel transfer, pre-FC and post-FC; methods by number, so that none hides another.

    Methods far below the others, and those that diverged, are named below the picture.
    """
    layers = [layer for layer in next(iter(rows.values()))['transfer'] if _any(rows, layer)]
    if not layers:
        return
    means = {name: statistics.mean(row['top1']) for name, row in rows.items()}
    low = _fence([mean for name, mean in means.items() if not rows[name]['diverged']])
    shown = [name for name in rows if means[name] >= low and not rows[name]['diverged']]
    figure, axes = plt.subplots(
        1,
        len(layers),
        figsize=(5.2 * len(layers) + 2, 5),
        sharey=True,
        squeeze=False,
        layout='constrained',
    )
    for axis, layer in zip(axes[0], layers, strict=True):
        values = {name: rows[name]['transfer'][layer] for name in shown if rows[name]['transfer'][layer]}
        for number, name in enumerate(shown, 1):
            if name not in values:
                continue
            x, y = statistics.mean(values[name]), means[name]
            spreads = dict(xerr=_spread(values[name]), yerr=_spread(rows[name]['top1']))
            axis.errorbar(x, y, **spreads, color=_color(name), capsize=2, alpha=0.35, zorder=1)
            axis.scatter(x, y, s=150, color=_color(name), label=f'{number}  {name}', zorder=2)
            center = dict(ha='center', va='center', fontsize=7, color='white', zorder=3)
            axis.annotate(str(number), (x, y), **center)
        means_x = [statistics.mean(row) for row in values.values()]
        if max(means_x) > 4 * min(means_x):
            axis.set_xscale('log')
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter('{x:g}')
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(f'kernel transfer {layer}, ||K_S - K_T|| / ||K_T||')
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel('top-1 at the last epoch (%)')
    axes[0][-1].legend(*axes[0][0].get_legend_handles_labels(), loc='upper left', bbox_to_anchor=(1, 1))
    far = [f'{name} ({means[name]:.1f})' for name in rows if name not in shown]
    figure.suptitle(title + (f'\nnot shown, far below: {", ".join(far)}' if far else ''), fontsize=10)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _fence(values: list[float]) -> float:
    """Two interquartile ranges below the lower quartile."""
    if len(values) < 4:
        return min(values)
    first, _, third = statistics.quantiles(values, n=4)
    return first - 2 * (third - first)


def _any(rows: dict, layer: str) -> bool:
    return any(row['transfer'][layer] for row in rows.values())
