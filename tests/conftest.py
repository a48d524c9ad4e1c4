"""Turn the bridge on before a test module imports mmrazor."""

import copy
import functools
import gc
from pathlib import Path
from types import SimpleNamespace

import mmengine.config.utils as packages
from mmengine.config import Config
from mmengine.dataset import base_dataset

import mmnystrom  # noqa: F401

# For a base of a package mmengine reads all metafiles of it, every time: nine tenths of reading a config.
packages.load = functools.cache(packages.load)

#: What is the same whenever it is read: no test changes it, and it asks for no files of the user's.
CONFIGS = [Path(__file__).parents[1] / 'configs' / name for name in ('_base_', 'distill', 'vanilla')]
_read, _found = Config._file2dict, {}


def _read_once(filename, *args, **kwargs):
    """mmengine writes each of ten bases into a folder of its own to read it: half of reading a config."""
    if not any(Path(filename).resolve().is_relative_to(folder) for folder in CONFIGS):
        return _read(filename, *args, **kwargs)
    key = (str(filename), args, *sorted(kwargs.items()))
    if key not in _found:
        _found[key] = _read(filename, *args, **kwargs)
    return copy.deepcopy(_found[key])


Config._file2dict = staticmethod(_read_once)
#: mmengine collects garbage for every data set, however small: a fifth of a small run.
base_dataset.gc = SimpleNamespace(collect=lambda: 0)

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
    """Keep the garbage collector away from what is imported."""
    gc.collect()
    gc.freeze()
