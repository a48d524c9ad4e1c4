"""Without what only the benchmark needs it says what to install."""

import importlib
import importlib.util

import pytest

import mmnystrom.benchmark


def test_what_is_missing_is_named(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name: None if name == 'tabulate' else find(name)
    )
    with pytest.raises(
        ModuleNotFoundError, match=r"needs tabulate: pip install 'mmnystrom\[benchmark\]'"
    ):
        importlib.reload(mmnystrom.benchmark)
