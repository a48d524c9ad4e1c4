"""What must stay out of a training step that torch.compile compiles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch


def never_compiled(function: Callable) -> Callable:
    """Let ``torch.compile`` call a function as it is, and compile what is before and after it.

    Args:
        function: One that counts, writes files or changes between refreshes. Each of these would have
            it compiled anew.

    Returns:
        The function, with its name and signature.
    """
    compiler = getattr(torch, 'compiler', None)  # since torch 2.1
    return compiler.disable(function) if hasattr(compiler, 'disable') else function


def run_eagerly() -> AbstractContextManager | None:
    """A context in which nothing that was compiled is used; None if this torch has none (before 2.6).

    Where the layers between two recorded tensors are one compiled function, autograd knows no way from
    the one to the other.
    """
    compiler = getattr(torch, 'compiler', None)
    return compiler.set_stance('force_eager') if hasattr(compiler, 'set_stance') else None
