"""Run a script of mmrazor's, or of anybody's, with the bridge on."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from . import script_options, threads
from .install import install


def run_script(script: str, args: Sequence[str]) -> None:
    """Run ``script`` as ``python script args...`` would, after :func:`install`.

    Args:
        script: Path of a Python file.
        args: Its command-line arguments.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    path = Path(script)
    if not path.is_file():
        raise FileNotFoundError(f'script={script!r} is not a file: give the path of a Python script.')
    install()
    from . import cpu_ranks  # needs torch, whose absence is install()'s to report

    script_options.apply(args)
    sys.argv = [str(path), *args]
    sys.path.insert(0, str(path.resolve().parent))
    runpy.run_path(str(path), run_name='__main__')
    cpu_ranks.leave()


def run_tool(name: str, args: Sequence[str]) -> None:
    """Run one of mmrazor's own installed tools, on a CPU with no more threads than cores are free.

    Args:
        name: File name below ``mmrazor/.mim/tools``, such as ``'train.py'``.
        args: Its command-line arguments.

    Raises:
        FileNotFoundError: If this mmrazor was installed without its tools.
    """
    install()
    threads.choose()
    spec = importlib.util.find_spec('mmrazor')
    package = Path(spec.origin).parent
    # The second place is that of an mmrazor run from a checkout.
    for tools in (package / '.mim' / 'tools', package.parent / 'tools'):
        if (tools / name).is_file():
            return run_script(str(tools / name), args)
    raise FileNotFoundError(
        f'mmrazor in {package} has no .mim/tools/{name}: install the released wheel '
        '(pip install --force-reinstall --no-deps mmrazor==1.0.0).'
    )
