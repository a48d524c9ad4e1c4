"""The table of results as Markdown, and what its columns mean."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from mmnystrom.plugin.replay.store import gib

from .differences import BASELINES, STAR, VERSUS, columns, row_of
from .plan import STUDENT
from .result import LAYERS, Result
from .scatter import Scatter
from .tables import difference, markdown_table, mean_std, resolution, seeds_in_words
from .tuning import tried
from .validation import GIVEN

#: Figures of the kernel, in the head of the table.
HEADS = {'transfer': 'transfer', 'cka': 'CKA'}


def table(
    results: dict[str, Result], teachers: Sequence[float], baselines: Sequence[str] = BASELINES
) -> str:
    """The results as a Markdown table.

    Args:
        results: Name of a method -> its result.
        teachers: Top-1 of every teacher.
        baselines: Methods that the others are compared with. Defaults to the student alone and KD.
    """
    head = ['method', 'top-1 last (%)', 'best (%)', *columns(baselines)]
    kernels = [figure for figure in HEADS if _known(results, figure)]
    head += [f'{HEADS[figure]} {layer}' for figure in kernels for layer in LAYERS]
    measured = _measured(results)
    head += ['time', 'memory', 'extra parameters'] if measured else []
    replayed = any(result.replayed for result in results.values())
    head += ['time replayed', 'stored'] if replayed and measured else ['stored'] if replayed else []
    lines = [head]
    if teachers:
        lines.append(['teacher', mean_std(teachers, 2), *['-'] * (len(head) - 2)])
    for name, result in results.items():
        line = [name, mean_std(result.top1, 2), mean_std(result.best, 2)]
        line += [difference(result.versus.get(baseline)) for baseline in baselines]
        values = [getattr(result, figure)[layer] for figure in kernels for layer in LAYERS]
        line += [mean_std(x, 3) for x in values]
        if measured:
            costs = result.costs
            line += [f'{costs[key]:.2f}' if costs else '-' for key in ('time', 'memory')]
            line.append(f'{costs["extra_parameters"]:,}' if costs else '-')
        if replayed:
            line += _replayed(result) if measured else _replayed(result)[1:]
        lines.append(line)
    return markdown_table(lines)


def _known(results: dict[str, Result], figure: str) -> bool:
    """Whether a figure of the kernel is there. CKA is missing from old reports."""
    return any(any(getattr(result, figure).values()) for result in results.values())


def _measured(results: dict[str, Result]) -> bool:
    """Whether costs were."""
    return any(result.costs for result in results.values())


def _replayed(result: Result) -> list[str]:
    if result.replayed is None:
        return ['-', '-']
    if result.replayed.live is not None:
        return ['live', '-']
    time = result.costs.get('time_replayed')
    return ['-' if time is None else f'{time:.2f}', gib(result.replayed.bytes)]


def tuning_note(tuning: dict) -> str:
    """What was tried, and chosen."""
    more = tuning.get('further', 0)
    seeds = seeds_in_words(tuning['seeds'])
    further = f', and {more} more, one after another, where its scores point' if more else ''
    parts = [
        f'Tuned: {tuning["trials"]} trials of each method, factors '
        f'{", ".join(f"{factor:.3g}" for factor in tuning["factors"])} of its own loss weights (student '
        f'alone: of the weight decay){further}, {seeds}, scored on '
        f'{100 * tuning["validation"]:.3g} % of the training images, held out. Chosen: '
        + ', '.join(f'{name} x{factor:.3g}' for name, factor in tuning['chosen'].items())
        + '. A method at x1 keeps the weights of its paper, and has no row of its own. A tuned row is '
        'compared with the tuned baseline.'
    ]
    if 'suite' in tuning:
        parts.append(f'The trials were those of another suite: {tuning["suite"]}.')
    if tuning['teacher'] == 'given':
        parts.append(GIVEN)
    teachers = [f'{top1:.2f}' for top1 in tuning.get('teachers', ())]
    if len(teachers) > 1:
        parts.append(
            f'The trials had several teachers, top-1 {", ".join(teachers)} %, so that scores differ by '
            'these too.'
        )
    edge = []
    for name, factor in tuning['chosen'].items():
        factors = list(tried(tuning, name))
        if factor in (factors[0], factors[-1]):
            edge.append(name)
    if edge:
        parts.append(
            f'At the edge of what was tried, so that the best may lie beyond: {", ".join(edge)}.'
        )
    if tuning['failed']:
        why = '; '.join(tuning['failed'].values())
        parts.append(f'Trials that failed, and count as 0: {why}')
    return '\n\n'.join(parts)


def legend(
    results: dict[str, Result],
    validation: float | None,
    images: int = 0,
    scatter: Scatter | None = None,
) -> str:
    """What the columns of the table mean.

    Args:
        results: Name of a method -> its result.
        validation: Share of the training images on which the runs are scored; None: the test split.
        images: On which they are scored. Defaults to 0, unknown.
        scatter: How far runs scatter. Defaults to None, unknown.
    """
    scored = 'the test split' if validation is None else 'the images held out'
    text = (
        f'top-1: mean ± std over seeds on {scored}, at the last epoch, and at the best of those '
        'validated (chosen on the same images, so too good). '
        f'{VERSUS} transfer: ||K_S - K_T||_F / ||K_T||_F on {scored}, linear kernel.'
    )
    if _known(results, 'cka'):
        text += (
            ' CKA: of the two centred kernel matrices, 1 for the same up to their scale. A loss without '
            'scale does not teach it, so that its transfer may be large.'
        )
    if _measured(results):
        text += (
            ' time, memory: of a training step, in multiples of that of the student alone; extra '
            'parameters: of connectors.'
        )
    if any('p_holm' in found for result in results.values() for found in result.versus.values()):
        text += f' {STAR}'
    if scatter is not None:
        text += f' {scatter.note()}'
    alone = row_of(STUDENT, results)
    if images and alone is not None:
        points = resolution(statistics.mean(results[alone].top1), images)
        text += f' {images:,} images by themselves tell two networks apart from {points:.1f} points on.'
    if validation is not None:
        share = f'{100 * validation:.3g} %'
        text += f'\n\n{share} of the training images are held out; the test split is not read.'
    diverged = [f'{name} ({result.diverged})' for name, result in results.items() if result.diverged]
    if diverged:
        text += f'\n\nDiverged, seeds in brackets: {", ".join(diverged)}.'
    return text


def replay_notes(results: dict[str, Result]) -> list[str]:
    """What was replayed, and which methods kept a live teacher."""
    found = {name: result.replayed for name, result in results.items() if result.replayed}
    if not found:
        return []
    views = ', '.join(sorted({f'{replayed.views}' for replayed in found.values()}))
    text = f'Teachers were replayed, {views} views of an image.'
    if _measured(results):
        text += (
            ' time: with the live teacher; time replayed: with its stored outputs, in multiples of the '
            'same unit.'
        )
    parts = [f'{text} stored: all views on disk, which methods share that record the same layers.']
    live = [f'{name} ({replayed.live})' for name, replayed in found.items() if replayed.live]
    if live:
        parts.append(f'With the live teacher, on the same views: {"; ".join(live)}')
    return parts
