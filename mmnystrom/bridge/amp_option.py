"""Break: mmrazor's train.py ignores ``--amp`` without a word where the config names no wrapper type.

Where: ``.mim/tools/train.py`` turns ``optim_wrapper.type`` from OptimWrapper to AmpOptimWrapper, but
only if the key is there; mmengine's own default for the key is OptimWrapper.
Cure: for a script run with ``--amp``, a config that leaves the key out gets that default in writing.
Can go: once mmrazor's tool sets the type as mmpretrain's does.
"""

from __future__ import annotations

import functools

NAME = '--amp on a config without optim_wrapper.type'


def is_broken(args: list[str]) -> bool:
    """Whether a script's arguments ask for mixed precision (argparse takes ``--am`` as well)."""
    return any(len(arg) > 3 and '--amp'.startswith(arg) for arg in args)


def apply() -> None:
    """Write the default into every config loaded from now on."""
    from mmengine.config import Config

    fromfile = Config.fromfile

    @functools.wraps(fromfile)
    def fromfile_with_type(*args, **kwargs):
        config = fromfile(*args, **kwargs)
        wrapper = config.get('optim_wrapper')
        if isinstance(wrapper, dict) and not wrapper.get('type') and not wrapper.get('constructor'):
            wrapper['type'] = 'OptimWrapper'
        return config

    Config.fromfile = staticmethod(fromfile_with_type)
