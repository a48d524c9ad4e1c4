"""Turn the bridge on before a test module imports mmrazor."""

from pathlib import Path

import mmnystrom  # noqa: F401

TOOLS = Path(__file__).parent / 'tools'


def pytest_collection_modifyitems(items):
    """The longest tests first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: TOOLS not in item.path.parents)
