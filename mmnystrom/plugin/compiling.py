"""What must stay out of a training step that torch.compile compiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn


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


@contextmanager
def run_eagerly(model: nn.Module) -> Iterator[None]:
    """Let a model take its training step as it is, if mmengine has compiled it.

    Where the layers between two recorded tensors are one compiled function, autograd knows no way from
    the one to the other.

    Args:
        model: The model of the runner, which holds the compiled step as an attribute of its own.
    """
    compiled = vars(model).pop('train_step', None)
    try:
        yield
    finally:
        if compiled is not None:
            model.train_step = compiled
