"""Turn the bridge on before a test module imports mmrazor."""

from pathlib import Path

import mmnystrom  # noqa: F401

#: Modules with tests that take longest.
LONG = [Path(__file__).parent / name for name in ('tools', 'benchmark', 'test_export.py')]


def pytest_collection_modifyitems(items):
    """The longest tests first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: not any(path in (item.path, *item.path.parents) for path in LONG))
