"""Errors of teacher replay."""

from __future__ import annotations


class ReplayError(ValueError):
    """A teacher cannot be replayed, or a store is not what it should be."""
