"""What can stop a benchmark: each error says what was found and what to do."""

from __future__ import annotations


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
