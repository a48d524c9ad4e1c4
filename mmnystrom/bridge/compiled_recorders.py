"""Break: under torch.compile a recorder catches nothing if the same code ran without it before.

Where: ``torch._dynamo.config.skip_nnmodule_hook_guards`` is true, so that a graph that was compiled for
a network without forward hooks is taken for one with them; mmrazor's recorders are such hooks. A
student that was trained alone, and then distilled in the same process, ends in
``record_idx is illegal``; two networks that differ in recorders only get each other's graph.
Cure: let torch look at the hooks.
Can go: once that is torch's default.
"""

from __future__ import annotations

NAME = 'torch.compile overlooks recorders'


def is_broken() -> bool:
    """Whether this torch compiles, and overlooks hooks."""
    try:
        from torch._dynamo import config
    except ImportError:  # torch < 2
        return False
    return getattr(config, 'skip_nnmodule_hook_guards', False)


def apply() -> None:
    """Set torch's option."""
    from torch._dynamo import config

    config.skip_nnmodule_hook_guards = False
