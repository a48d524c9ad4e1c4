"""What the tools share. An error or an interruption ends a tool with a sentence, not a traceback."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence

from .errors import BenchmarkError

GO_ON = 'interrupted; the same command goes on from here'


def numbers(text: str) -> list[int]:
    """Numbers of GPUs, as a command line gives them.

    Raises:
        ValueError: If it is something else.

    Example:
        >>> numbers('0,2')
        [0, 2]
    """
    return [int(number) for number in text.split(',')]


def count(text: str) -> int:
    """How many of something, as a command line gives it: at least 1.

    Raises:
        ValueError: If it is no integer.
        ArgumentTypeError: If it is less.

    Example:
        >>> count('3')
        3
    """
    return _at_least(1, text)


def from_zero(text: str) -> int:
    """The same, of what there may be none.

    Example:
        >>> from_zero('0')
        0
    """
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    if int(text) < least:
        raise ArgumentTypeError(f'{text} must be at least {least}')
    return int(text)


def run_command(main: Callable[[], None], interrupted: str = GO_ON) -> None:
    """Call the main function of a tool.

    Args:
        main: The function.
        interrupted: What is said when the user interrupts it. Defaults to that the command goes on.

    Raises:
        SystemExit: In the place of a BenchmarkError or a KeyboardInterrupt.
    """
    try:
        main()
    except BenchmarkError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(interrupted)


def exit_if_failed(failed: Sequence[str]) -> None:
    """End a tool, which has printed what it has found, as failed if runs have failed.

    Args:
        failed: Why they did, a message a cause.

    Raises:
        SystemExit: If there are any, with the messages.
    """
    if failed:
        why = '\n\n'.join(failed)
        sys.exit(f'\nRuns failed, of {len(failed)} causes; the same command tries again:\n{why}')
