"""Tables of results: means, paired differences, Markdown."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Iterable, Sequence

from scipy import stats
from statsmodels.stats.multitest import multipletests
from tabulate import tabulate


def markdown_table(lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned so that it reads well on a terminal too.

    Args:
        lines: Rows of cells. The first one is the head.

    Example:
        >>> print(markdown_table([['a', 'bb'], ['ccc', '1.50']]))
        | a   | bb   |
        |-----|------|
        | ccc | 1.50 |
    """
    head, *rows = lines
    return tabulate(rows, head, tablefmt='github', disable_numparse=True)


#: Seeds of which there is an interval.
FEWEST = 3


def mean_std(values: Sequence[float], digits: int) -> str:
    """Mean and sample standard deviation; a dash if there is no value.

    Example:
        >>> mean_std([1.0, 2.0, 3.0], 1)
        '2.0 ± 1.0'
        >>> mean_std([], 1)
        '-'
    """
    if not values:
        return '-'
    std = f' ± {statistics.stdev(values):.{digits}f}' if len(values) > 1 else ''
    return f'{statistics.mean(values):.{digits}f}{std}'


def seeds_in_words(count: int) -> str:
    """How many seeds a table is of.

    Example:
        >>> seeds_in_words(1), seeds_in_words(3)
        ('one seed', '3 seeds')
    """
    return 'one seed' if count == 1 else f'{count} seeds'


def if_fewer(finished: int, planned: int) -> str:
    """What is said of a row that lacks seeds, and nothing of one that has all.

    Example:
        >>> if_fewer(1, 3)
        ' (1 of 3 seeds)'
    """
    return f' ({finished} of {planned} seeds)' if finished < planned else ''


def paired(values: Sequence[float], others: Sequence[float], level: float = 0.95) -> dict[str, float]:
    """Mean difference, seed by seed, with its confidence interval by Student's t.

    Args:
        values: A value a seed.
        others: Values of the same seeds, in the same order.
        level: Of the interval. Defaults to 0.95.

    Returns:
        ``mean``, and of at least three seeds ``low``, ``high`` and ``p``, of the paired t-test: two say
        next to nothing of how far they scatter.

    Example:
        >>> found = paired([2.0, 3.0, 4.0], [1.0, 1.0, 1.0])
        >>> [round(found[key], 3) for key in ('mean', 'low', 'high')]
        [2.0, -0.484, 4.484]
    """
    pairs = [a - b for a, b in zip(values, others, strict=True)]
    mean = statistics.mean(pairs)
    if len(pairs) < FEWEST:
        return dict(mean=mean)
    half = stats.t.ppf((1 + level) / 2, len(pairs) - 1) * statistics.stdev(pairs) / len(pairs) ** 0.5
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of differences that are all the same
        p = float(stats.ttest_rel(values, others).pvalue)
    p = p if math.isfinite(p) else float(mean == 0)
    return dict(mean=mean, low=float(mean - half), high=float(mean + half), p=p)


def mark_certain(found: Sequence[dict[str, float]], level: float = 0.05) -> None:
    """Note which of many differences remain when their number is taken into account, by Holm's method.

    Args:
        found: What :func:`paired` gives. Those with a ``p`` get ``p_holm``, and ``certain``.
        level: Chance of a single wrong one among all of them. Defaults to 0.05.

    Example:
        >>> found = [dict(p=0.01), dict(p=0.04), dict(mean=1.0)]
        >>> mark_certain(found)
        >>> [(round(row['p_holm'], 3), row['certain']) for row in found[:2]]
        [(0.02, True), (0.04, True)]
    """
    rows = [row for row in found if 'p' in row]
    if not rows:
        return
    certain, corrected, _, _ = multipletests([row['p'] for row in rows], level, method='holm')
    for row, yes, p in zip(rows, certain, corrected, strict=True):
        row.update(p_holm=float(p), certain=bool(yes))


def resolution(top1: float, images: int) -> float:
    """Points of top-1 by which two networks must differ on a test split for 95 % certainty, at most.

    That of two independent proportions. Two networks that err on the same images can be told apart at
    less; of the training's own scatter it says nothing.

    Args:
        top1: In percent.
        images: Of the test split.

    Example:
        >>> round(resolution(70.0, 10000), 2)
        1.27
    """
    share = top1 / 100
    return 100 * float(stats.norm.ppf(0.975)) * math.sqrt(2 * share * (1 - share) / images)


def difference(found: dict[str, float] | None, digits: int = 2) -> str:
    """A mean difference with its interval.

    Args:
        found: What :func:`paired` gives; None for a dash. A star marks what :func:`mark_certain` keeps.
        digits: After the point. Defaults to 2.

    Example:
        >>> difference(dict(mean=1.5, low=-0.25, high=3.25)), difference(None)
        ('+1.50 [-0.25, +3.25]', '-')
    """
    if found is None:
        return '-'
    mean, *ends = (f'{found[key]:+.{digits}f}' for key in ('mean', 'low', 'high') if key in found)
    star = '*' if found.get('certain') else ''
    return f'{mean} [{", ".join(ends)}]{star}' if ends else mean
