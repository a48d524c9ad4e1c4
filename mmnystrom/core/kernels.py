"""Kernel functions: rows against rows, gradients through both."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Kernel = Callable[[Tensor, Tensor], Tensor]


def linear(x: Tensor, y: Tensor) -> Tensor:
    """Linear kernel, ``k(x, y) = x^T y``.

    Args:
        x: Shape (N, d).
        y: Shape (M, d).

    Returns:
        Shape (N, M).

    Example:
        >>> import torch
        >>> linear(torch.tensor([[1., 2.]]), torch.tensor([[3., 4.], [0., 1.]]))
        tensor([[11.,  2.]])
    """
    return x @ y.T


KERNELS: dict[str, Kernel] = {'linear': linear}


def build_kernel(name: str) -> Kernel:
    """Return the kernel of that name.

    Raises:
        ValueError: If there is none.
    """
    if name not in KERNELS:
        raise ValueError(f'kernel={name!r} is unknown: write one of {sorted(KERNELS)}.')
    return KERNELS[name]
