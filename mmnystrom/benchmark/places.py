"""The folders of configs and tools: beside the package in a clone, in ``mmnystrom/.mim`` in a wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def find_root(package: Path = PACKAGE) -> Path:
    """The folder that holds ``configs`` and ``tools``.

    Args:
        package: The folder of the package. Defaults to this one's.

    Returns:
        The clone, if the package stands in one; else ``.mim``, where setup.py puts both into a wheel.
    """
    clone = package.parent
    return clone if (clone / 'setup.py').is_file() and (clone / 'configs').is_dir() else package / '.mim'


ROOT = find_root()
CONFIGS = ROOT / 'configs'
TOOLS = ROOT / 'tools'
