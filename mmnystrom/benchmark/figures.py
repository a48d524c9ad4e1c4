"""The pictures of a benchmark and of the demo."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from .label_layout import place_labels
from .result import Result
from .tuning import tried

OURS = 'KDA'


def _spread(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _color(name: str) -> str:
    return 'tab:orange' if name.startswith(OURS) else 'tab:gray' if 'alone' in name else 'tab:blue'


def accuracy(
    path: Path,
    title: str,
    results: dict[str, Result],
    teacher: float | None,
    failed: Sequence[str] = (),
) -> None:
    """Draw top-1 at the last epoch, best first: each seed, the mean, and the standard deviation.

    Methods far below the others stand at the edge, with their value. Those that diverged, and those that
    failed, are named in a row of their own.

    Args:
        path: Where the picture goes.
        title: Its title.
        results: Name of a method -> its result.
        teacher: The teacher's top-1, or None.
        failed: Names of the methods without a result. Defaults to none.
    """
    fine = {name: result for name, result in results.items() if not result.diverged}
    low = _fence([statistics.mean(result.top1) for result in fine.values()]) if fine else 0
    names = sorted(fine, key=lambda name: statistics.mean(fine[name].top1))
    rows = [*sorted(failed), *(name for name in results if name not in fine), *names]
    figure = Figure(figsize=(8, 1.2 + 0.3 * len(rows)), layout='constrained')
    axis = figure.subplots()
    shown = [name for name in names if statistics.mean(fine[name].top1) >= low]
    values = [value for name in shown for value in fine[name].top1] or [0.0]
    left, right = min(values), max([*values, *([] if teacher is None else [teacher])])
    margin = max(right - left, 0.5)
    left, right = max(left - 0.06 * margin, -0.5), right + 0.14 * margin
    if teacher is not None:
        axis.axvline(teacher, color='black', linestyle='--', linewidth=1)
        note = dict(ha='right', va='center', fontsize=8, xytext=(-3, 0), textcoords='offset points')
        axis.annotate(f'teacher {teacher:.2f}', (teacher, -0.9), **note)
    beside = dict(va='center', fontsize=8, textcoords='offset points')
    for y, name in enumerate(rows):
        color = _color(name)
        if name not in fine:
            seeds = results[name].diverged if name in results else None
            text = (
                'failed'
                if seeds is None
                else f'diverged on {len(seeds)} of {len(results[name].seeds)} seeds'
            )
            axis.annotate(text, (left, y), xytext=(6, 0), color='tab:red', style='italic', **beside)
            continue
        mean, spread = statistics.mean(fine[name].top1), _spread(fine[name].top1)
        if name not in shown:
            axis.plot(left, y, '<', color=color, clip_on=False)
            axis.annotate(f'{mean:.2f}, beyond the edge', (left, y), xytext=(9, 0), **beside)
            continue
        axis.plot([mean - spread, mean + spread], [y, y], color=color, linewidth=2, alpha=0.6)
        axis.plot(fine[name].top1, [y] * len(fine[name].top1), 'o', color=color, markersize=3, alpha=0.5)
        axis.plot(mean, y, 'o', color=color, markersize=7)
        tip = max(mean + spread, *fine[name].top1)
        axis.annotate(f'{mean:.2f}', (tip, y), xytext=(5, 0), **beside)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_xlim(left, right)
    axis.set_ylim(-1.2, len(rows) - 0.4)
    axis.grid(alpha=0.3)
    counts = [len(result.top1) for result in results.values()] or [0]
    seeds = ' to '.join(str(count) for count in sorted({min(counts), max(counts)}))
    of_seeds = f'mean and standard deviation of {seeds} seeds' if max(counts) > 1 else 'one seed'
    axis.set_xlabel(f'top-1 at the last epoch (%), {of_seeds}\nthe axis does not begin at 0')
    axis.set_title(title)
    figure.savefig(path, dpi=120)


def transfer(path: Path, title: str, results: dict[str, Result]) -> None:
    """Draw top-1 against kernel transfer, pre-FC and post-FC, on one scale, with names at the dots.

    Methods far below or far to the right of the others, and those that diverged, are named in the title.
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
    places = {
        (name, layer): statistics.mean(result.transfer[layer])
        for name, result in shown.items()
        for layer in layers
        if result.transfer[layer]
    }
    far = -_fence([-place for place in places.values()])
    away = [name for name in shown if any(places.get((name, layer), 0) > far for layer in layers)]
    shown = {name: result for name, result in shown.items() if name not in away}
    places = {key: place for key, place in places.items() if key[0] in shown}
    figure = Figure(figsize=(5.6 * len(layers) + 0.6, 5), layout='constrained')
    axes = figure.subplots(1, len(layers), sharex=True, sharey=True, squeeze=False)[0]
    axes[0].set_xscale('log' if max(places.values()) > 4 * min(places.values()) else 'linear')
    for axis, layer in zip(axes, layers, strict=True):
        axis.set_xlabel(f'kernel transfer error {layer}, ||K_S - K_T|| / ||K_T||\nlower is better')
        axis.grid(alpha=0.3)
        for name, result in shown.items():
            if (name, layer) in places:
                place = places[name, layer], statistics.mean(result.top1)
                spreads = dict(xerr=_spread(result.transfer[layer]), yerr=_spread(result.top1))
                axis.errorbar(*place, **spreads, color=_color(name), capsize=2, alpha=0.3, zorder=1)
                axis.scatter(*place, s=45, color=_color(name), zorder=2)
    axes[0].set_ylabel('top-1 at the last epoch (%)')
    if axes[0].get_xscale() == 'log':
        axes[0].xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes[0].xaxis.set_major_formatter('{x:g}')
        axes[0].xaxis.set_minor_formatter(NullFormatter())
    missing = [f'{name} ({means[name]:.1f} %)' for name in results if name not in shown]
    figure.suptitle(
        title + (f'\nfar away, and not shown: {", ".join(missing)}' if missing else ''), fontsize=10
    )
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(120)
    canvas.draw()  # a layout is known once it is drawn
    figure.set_layout_engine('none')
    for axis, layer in zip(axes, layers, strict=True):
        _name_dots(
            axis, {name: places[name, layer] for name, _ in places if (name, layer) in places}, means
        )
    figure.savefig(path, dpi=120)


def _name_dots(axis, places: dict[str, float], means: dict[str, float]) -> None:
    renderer = axis.figure.canvas.get_renderer()
    dots = [tuple(axis.transData.transform((x, means[name]))) for name, x in places.items()]
    sizes = []
    for name in places:
        text = axis.text(0, 0, name, fontsize=8, transform=None)
        box = text.get_window_extent(renderer)
        text.remove()
        sizes.append((box.width, box.height))
    frame = axis.get_window_extent(renderer)
    boxes = place_labels(dots, sizes, (frame.x0, frame.y0, frame.x1, frame.y1))
    for name, dot, box in zip(places, dots, boxes, strict=True):
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        axis.annotate(
            name,
            dot,
            xytext=middle,
            xycoords='figure pixels',
            textcoords='figure pixels',
            ha='center',
            va='center',
            fontsize=8,
            color=_color(name),
            path_effects=[withStroke(linewidth=2, foreground='white')],
            arrowprops=dict(arrowstyle='-', color=_color(name), alpha=0.4, linewidth=0.7, shrinkB=3),
        )


def tuning(path: Path, title: str, found: dict) -> None:
    """Draw the score on the held-out part against the factor of the weights, a panel a method.

    Args:
        path: Where the picture goes.
        title: Its title.
        found: What was tried, see :func:`~.tuning.tune`.
    """
    names = list(found['scores'])
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(2.8 * columns, 0.5 + 2.1 * rows), layout='constrained')
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for axis, name in zip(axes, names, strict=False):
        scores = tried(found, name)
        points = [(factor, statistics.mean(values)) for factor, values in scores.items() if values]
        failed = [factor for factor, values in scores.items() if not values]
        if points:
            axis.plot(*zip(*points, strict=True), 'o-', color=_color(name), markersize=4)
            axis.plot(*max(points, key=lambda point: point[1]), 'o', color=_color(name), markersize=9)
        for factor in failed:
            axis.axvline(factor, color='tab:red', linestyle=':')
        axis.set_xscale('log')
        axis.set_xticks(found['factors'], [f'{factor:.2g}' for factor in found['factors']])
        axis.minorticks_off()
        axis.set_title(name + (' (red: failed)' if failed else ''), fontsize=9)
        axis.grid(alpha=0.3)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    for axis in axes[max(len(names) - columns, 0) : len(names)]:  # nothing may be drawn below
        axis.tick_params(labelbottom=True)
    figure.supxlabel(
        "factor of the paper's loss weights (student alone: of the weight decay)", fontsize=9
    )
    figure.supylabel('top-1 on the part held out (%)', fontsize=9)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=120)


def gram_matrices(
    path: Path,
    features: dict[str, Tensor],
    labels: Tensor,
    cka: dict[str, float],
    classes: Sequence[str] | None = None,
) -> None:
    """Draw centred Gram matrices side by side, images sorted by class, each matrix of norm 1.

    Args:
        path: Where the picture goes.
        features: Name -> features (N, d); the first are the teacher's, whose colours all have.
        labels: Shape (N,).
        cka: Name -> centred kernel alignment with the teacher, for the titles.
        classes: Names of the classes. Defaults to None, their numbers.
    """
    figure = Figure(figsize=(15, 4.4), layout='constrained')
    axes = figure.subplots(1, len(features), squeeze=False)[0]
    order = labels.argsort(stable=True)
    counts = labels.bincount()
    middles = (counts.cumsum(0) - counts / 2).tolist()
    limit, colours = None, colormaps['RdBu_r'].resampled(4096)  # 256 show as bands
    for axis, (name, feature) in zip(axes, features.items(), strict=True):
        feature = feature[order] - feature.mean(0)
        gram = feature @ feature.T
        gram = gram / gram.norm()
        limit = limit or gram.quantile(0.995).item()
        image = axis.imshow(gram, vmin=-limit, vmax=limit, cmap=colours, interpolation='nearest')
        ticks = range(len(middles)) if classes is None else classes
        long = max(len(str(tick)) for tick in ticks) > 3
        axis.set_xticks(middles, ticks, rotation=90 if long else 0)
        axis.set_yticks(middles, ticks)
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
