"""Warnings that are said once."""

from __future__ import annotations

import logging

from mmengine.logging import print_log


class Once:
    """Logs a warning of each kind once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def warn(self, message: str, kind: str | None = None) -> None:
        """Say it, unless something of its kind was said.

        Args:
            message: The warning.
            kind: Its kind. Defaults to None, the message itself.
        """
        kind = message if kind is None else kind
        if kind not in self._said:
            self._said.add(kind)
            print_log(message, logger='current', level=logging.WARNING)
