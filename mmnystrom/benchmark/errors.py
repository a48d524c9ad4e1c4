"""What can stop a benchmark: each error says what was found and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager


class BenchmarkError(Exception):
    """A benchmark cannot begin, or cannot go on."""


class SuiteError(BenchmarkError, ValueError):
    """A suite, or what was asked of it, makes no sense."""


class ForeignFolderError(BenchmarkError):
    """A folder in the place of a run carries no mark of ours."""


class WorkDirError(BenchmarkError):
    """The work directory cannot be used: it is a file, in use by another program, or full."""


class RunFailedError(BenchmarkError):
    """A run has failed; the message holds the end of its log."""


class ResultError(BenchmarkError):
    """What a run left behind is missing, or contradicts what it logged."""


def first_lines(failed: Mapping[object, str]) -> dict[str, str]:
    """Runs that failed, as results.json holds them: without the ends of their logs.

    Args:
        failed: Run -> why it failed, and below it the end of its log.

    Example:
        >>> first_lines({'KD, seed 0': 'KD, seed 0: the real error\\nthe end of its log'})
        {'KD, seed 0': 'KD, seed 0: the real error'}
    """
    return {str(run): why.splitlines()[0] for run, why in failed.items()}


def one_message_a_cause(failed: Iterable[str]) -> list[str]:
    """Messages of failed runs, of which those that end alike are one.

    Args:
        failed: ``'<run>: <why>; see <log>'`` and below it the end of the log, or the first line alone.

    Returns:
        The first message of each cause, with the names of the other runs below it.
    """
    groups: dict[str, list[str]] = {}
    for message in failed:
        first = message.partition('\n')[0]
        cause = first.partition(': ')[2].partition('; see ')[0]
        groups.setdefault(cause, []).append(message)
    return [
        messages[0]
        + (f'\nThe same: {", ".join(m.partition(": ")[0] for m in messages[1:])}' if messages[1:] else '')
        for messages in groups.values()
    ]


@contextmanager
def checking(where: str) -> Iterator[None]:
    """Say where a value stands that a check of :mod:`mmnystrom.core` refuses.

    Args:
        where: The file, or the option.

    Raises:
        SuiteError: If a check refuses a value.

    Example:
        >>> from mmnystrom.core import check_integer
        >>> with checking('my_suite.py'):
        ...     check_integer('seeds', 0)
        Traceback (most recent call last):
        mmnystrom.benchmark.errors.SuiteError: my_suite.py: seeds=0 must be an integer >= 1.
    """
    try:
        yield
    except ValueError as error:
        raise SuiteError(f'{where}: {error}') from None
