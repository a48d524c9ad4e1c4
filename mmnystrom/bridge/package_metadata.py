"""Break: setuptools >= 81 has no pkg_resources (and a Python >= 3.12 venv has no setuptools).

Where: ``mmengine/utils/package_utils.py:17``, reached by every ``pkg::path`` config. Where pkg_resources
is there, the same lines look for an editable install beside its metadata, where it is not. And a package
whose distribution has another name than mmengine expects (``mmseg`` of onedl-mmsegmentation) counts as
not installed.
Cure: the same three helpers on importlib.metadata and the import system, put wherever mmengine
re-exported them.
Can go: once mmengine does so itself.
"""

from __future__ import annotations

import importlib.util
import inspect
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ._rebind import rebind

NAME = 'installed packages are looked for by pkg_resources, or under one name only'


def is_broken() -> bool:
    """Whether mmengine's helpers would fail on their import of pkg_resources, or to find a package."""
    from mmengine.config.utils import MODULE2PACKAGE
    from mmengine.utils import package_utils

    uses = 'pkg_resources' in inspect.getsource(package_utils)
    if uses and importlib.util.find_spec('pkg_resources') is None:
        return True
    for module, package in MODULE2PACKAGE.items():
        there = importlib.util.find_spec(module) is not None
        if there and not package_utils.is_installed(package):
            return True
    try:
        found = package_utils.get_installed_path(__name__.partition('.')[0])
    except Exception:  # pkg_resources' own, for a package that is run from a checkout
        return True
    return not Path(found).is_dir()


def apply() -> None:
    """Stand in for mmengine's helpers."""
    import mmengine.config
    import mmengine.hub  # noqa: F401
    from mmengine.utils import package_utils

    for new in (is_installed, get_installed_path, package2module):
        rebind(getattr(package_utils, new.__name__), new, 'mmengine')


def is_installed(package: str) -> bool:
    """Whether ``package`` is an installed distribution or an importable module."""
    try:
        distribution(package)
    except PackageNotFoundError:
        spec = importlib.util.find_spec(_module_of(package))
        return spec is not None and spec.origin is not None
    return True


def _module_of(package: str) -> str:
    """The module of a package that no distribution has the name of."""
    from mmengine.config.utils import MODULE2PACKAGE

    return next((module for module, name in MODULE2PACKAGE.items() if name == package), package)


def get_installed_path(package: str) -> str:
    """Directory of the module that the distribution ``package`` installs.

    Raises:
        PackageNotFoundError: If nothing of that name is installed or importable.
        RuntimeError: If the name is a namespace package, which has no single directory.
    """
    try:
        dist = distribution(package)
    except PackageNotFoundError:
        module = _module_of(package)
        if importlib.util.find_spec(module) is None:
            raise
        return _module_path(module)
    path = Path(dist.locate_file(package))
    if path.exists():
        return str(path)
    return _module_path(package2module(package))


def package2module(package: str) -> str:
    """Name of the module that the distribution ``package`` installs.

    Raises:
        ValueError: If its metadata does not tell.
    """
    dist = distribution(package)
    top_level = (dist.read_text('top_level.txt') or '').split()
    if top_level:
        return top_level[0]
    for file in dist.files or ():
        if len(file.parts) == 2 and file.name == '__init__.py':
            return file.parts[0]
    raise ValueError(f'can not infer the module name of {package}')


def _module_path(module: str) -> str:
    # Also the way to an editable install, whose distribution lies apart from its source.
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise RuntimeError(
            f'{module} is a namespace package or not importable, which is invalid for '
            '`get_installed_path`'
        )
    return str(Path(spec.origin).parent)
