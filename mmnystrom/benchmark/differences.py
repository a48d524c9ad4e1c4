"""Differences between methods, paired by seed, and what of them is certain."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence

from .errors import ResultError
from .plan import STUDENT, TUNED
from .scatter import Scatter
from .tables import mark_certain, paired

KD = 'KD'
#: What every method of a benchmark is compared with.
BASELINES = (STUDENT, KD)
#: What the legends of tables with differences have in common.
VERSUS = 'vs: mean difference by seed and its 95 % confidence interval.'
STAR = 'A star: other than 0 even though so many were compared (Holm, 5 %).'


def row_of(method: str, rows: Container[str], tuned: bool = False) -> str | None:
    """Name of the row that stands for a method.

    Args:
        method: Name of the method.
        rows: Names of the rows that there are.
        tuned: Whether its tuned row is preferred to that with the paper's weights. Defaults to False.

    Returns:
        The name; None if the method has neither row.

    Example:
        >>> rows = ['KD tuned', 'DIST', 'DIST tuned']
        >>> row_of('KD', rows), row_of('DIST', rows), row_of('DIST', rows, tuned=True)
        ('KD tuned', 'DIST', 'DIST tuned')
    """
    names = [method, method + TUNED]
    return next((name for name in (names[::-1] if tuned else names) if name in rows), None)


def columns(baselines: Sequence[str]) -> list[str]:
    """Heads of the columns with the differences.

    Example:
        >>> columns(['student alone', 'DIST'])
        ['vs student', 'vs DIST']
    """
    return [f'vs {"student" if name == STUDENT else name}' for name in baselines]


def missing(baselines: Sequence[str], rows: Container[str]) -> list[str]:
    """Those of the baselines that have no row, tuned or not.

    Example:
        >>> missing(['student alone', 'KD', 'DIST'], ['student alone', 'KD tuned'])
        ['DIST']
    """
    return [name for name in baselines if row_of(name, rows) is None]


def check_against(baselines: Sequence[str], rows: Collection[str]) -> None:
    """Refuse to compare with methods that joined reports have no row of.

    Raises:
        ResultError: If there is one.
    """
    lacks = missing(baselines, rows)
    if lacks:
        raise ResultError(f'--against: no row of {", ".join(lacks)}, only of {", ".join(rows)}.')


def differences(
    values: Mapping[str, Mapping[int, float]],
    baselines: Sequence[str] = BASELINES,
    diverged: Container[str] = (),
) -> tuple[dict[str, dict[str, dict]], Scatter | None]:
    """The difference of every method to each of the baselines that there are, on the seeds of both.

    One that is tuned is compared with the tuned baseline, if there is one. Intervals are by the scatter
    of all methods together, if there are enough and they scatter alike.

    Args:
        values: Name of a method -> seed -> its value, in percent.
        baselines: Names of the methods that the others are compared with. Defaults to the student alone
            and KD.
        diverged: Names of the methods that say nothing of the scatter. Defaults to none.

    Returns:
        Name of a method -> name of a baseline -> the difference, see :func:`~.tables.paired` and
        :func:`~.tables.mark_certain`; and how far runs scatter, None if there are too few to tell.
    """
    scatter = Scatter.of({name: row for name, row in values.items() if name not in diverged})
    difference = scatter.paired if scatter and scatter.shared else paired
    found: dict[str, dict[str, dict]] = {name: {} for name in values}
    for name, row in values.items():
        for baseline in baselines:
            other = row_of(baseline, values, tuned=name.endswith(TUNED))
            seeds = [] if other in (None, name) else [seed for seed in row if seed in values[other]]
            if seeds:
                pairs = ([values[method][seed] for seed in seeds] for method in (name, other))
                found[name][baseline] = difference(*pairs)
    mark_certain([versus for row in found.values() for versus in row.values()])
    return found, scatter
