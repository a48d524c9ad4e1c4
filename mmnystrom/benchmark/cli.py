"""What the tools share. An error or an interruption ends a tool with a sentence, not a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from .errors import BenchmarkError

GO_ON = 'interrupted; the same command goes on from here'


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
