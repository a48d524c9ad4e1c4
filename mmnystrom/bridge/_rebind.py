"""The one way the bridge replaces a function of the host."""

from __future__ import annotations

import sys
from collections.abc import Callable


def rebind(old: Callable, new: Callable, package: str) -> None:
    """Replace ``old`` by ``new`` in every loaded module of ``package`` that imported it by name.

    OpenMMLab packages re-export helpers (``from mmengine.utils import is_installed``), so that
    replacing the attribute of the defining module alone would leave the copies as they were.

    Args:
        old: The function as the host defines it.
        new: What stands in for it.
        package: Top-level package whose loaded modules are searched.
    """
    for name, module in list(sys.modules.items()):
        if module is None or name.partition('.')[0] != package:
            continue
        for attribute, value in list(vars(module).items()):
            if value is old:
                setattr(module, attribute, new)
