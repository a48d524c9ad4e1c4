"""The benchmark: plans of training runs, their scheduler, and what is reported of them.

Nothing else of the package imports this room. It needs ``pip install 'mmnystrom[benchmark]'``.
"""

import importlib.util

#: What only this room needs, see requirements/benchmark.txt.
NEEDED = ('matplotlib', 'rich', 'scipy', 'tabulate')

_missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if _missing:
    raise ModuleNotFoundError(
        f"mmnystrom.benchmark needs {', '.join(_missing)}: pip install 'mmnystrom[benchmark]', or "
        f'pip install {" ".join(_missing)}.',
        name=_missing[0],
    )
