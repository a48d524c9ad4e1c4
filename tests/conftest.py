"""Turn the bridge on before a test module imports mmrazor."""

import functools
import gc
from pathlib import Path

import mmengine.config.utils as packages

import mmnystrom  # noqa: F401

# For a base of a package mmengine reads all metafiles of it, every time: nine tenths of reading a config.
packages.load = functools.cache(packages.load)

#: Modules with tests that take longest.
LONG = [
    Path(__file__).parent / name for name in ('tools', 'benchmark', 'test_export.py', 'test_notebook.py')
]


def pytest_collection_modifyitems(items):
    """The longest tests first, so that no process is left alone with one at the end.

    The tests of one config come together, so that one process reads it.
    """

    def key(item):
        long = any(path in (item.path, *item.path.parents) for path in LONG)
        call = getattr(item, 'callspec', None)
        config = call.params.get('path') if call and item.get_closest_marker('configs') else None
        return not long, config is not None, str(config or '')

    items.sort(key=key)


def pytest_collection_finish(session):
    """Keep the garbage collector away from what is imported: mmengine calls it for every data set."""
    gc.collect()
    gc.freeze()
