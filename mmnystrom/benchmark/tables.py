"""Tables of results: means, paired differences, Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from scipy import stats
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
    """Mean and sample standard deviation.

    Example:
        >>> mean_std([1.0, 2.0, 3.0], 1)
        '2.0 ± 1.0'
    """
    std = f' ± {statistics.stdev(values):.{digits}f}' if len(values) > 1 else ''
    return f'{statistics.mean(values):.{digits}f}{std}'


def paired(values: Sequence[float], others: Sequence[float], level: float = 0.95) -> dict[str, float]:
    """Mean difference, seed by seed, with its confidence interval by Student's t.

    Args:
        values: A value a seed.
        others: Values of the same seeds, in the same order.
        level: Of the interval. Defaults to 0.95.

    Returns:
        ``mean``, and of at least three seeds ``low`` and ``high``: two say next to nothing of how far
        they scatter.

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
    return dict(mean=mean, low=float(mean - half), high=float(mean + half))


def difference(found: dict[str, float] | None, digits: int = 2) -> str:
    """A mean difference with its interval.

    Args:
        found: What :func:`paired` gives; None for a dash.
        digits: After the point. Defaults to 2.

    Example:
        >>> difference(dict(mean=1.5, low=-0.25, high=3.25)), difference(None)
        ('+1.50 [-0.25, +3.25]', '-')
    """
    if found is None:
        return '-'
    mean, *ends = (f'{found[key]:+.{digits}f}' for key in ('mean', 'low', 'high') if key in found)
    return f'{mean} [{", ".join(ends)}]' if ends else mean
