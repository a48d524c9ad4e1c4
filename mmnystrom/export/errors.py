"""What can go wrong with an export."""

from __future__ import annotations


class ExportError(Exception):
    """A checkpoint cannot be exported, or an export differs from the original."""
