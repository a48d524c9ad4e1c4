"""Centring takes away what the rows of a batch, or the landmarks, have in common.

Features behind a ReLU are positive. Their kernel matrix is nearly a constant, and what tells images
apart is a small part of it. Centring removes that constant: ``H K H`` with ``H = I - 1/n`` is
the kernel matrix of the features less their mean (Cortes, Mohri and Rostamizadeh, JMLR 2012, section
2.2). The cosine of two such matrices is centred kernel alignment, CKA (Kornblith et al., ICML 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .checks import check_choice

#: Choices of ``center``: nothing, both sides, the rows of the batch alone, the landmarks alone.
SIDES = (False, True, 'rows', 'landmarks')
#: Where the rows' mean comes from.
MEANS = ('batch', 'landmarks')


def check_centering(center: bool | str, mean: str) -> None:
    """Refuse choices of ``center`` and ``mean`` that do not exist or do not go together.

    Raises:
        ValueError: If a choice is unknown, or ``mean`` is chosen for rows that are not centred.
    """
    check_choice('center', center, SIDES)
    check_choice('mean', mean, MEANS)
    if mean != 'batch' and center not in (True, 'rows'):
        raise ValueError(
            f'mean={mean!r} is the mean that center takes from the rows, and center={center!r} takes '
            'none: set center=True, or leave mean out.'
        )


def center_rows(rows: Tensor, usable: Tensor | None = None, mean: Tensor | None = None) -> Tensor:
    """Rows less their mean.

    Args:
        rows: Shape (N, d). Where ``usable`` is False they must be 0.
        usable: Which rows count, shape (N,), bool. Defaults to None, all.
        mean: The mean to take, shape (1, d). Defaults to None, that of the rows which count.

    Returns:
        Shape (N, d); 0 where ``usable`` is False, and everywhere if only rounding is left of the rows
        (of a single row, or of equal ones).

    Example:
        >>> center_rows(torch.tensor([[1., 2.], [3., 4.]]))
        tensor([[-1., -1.],
                [ 1.,  1.]])
    """
    return without_rounding(less_mean(rows, usable, mean), rows)


def center_gram(gram: Tensor, usable: Tensor | None = None) -> Tensor:
    """A kernel matrix less the means of its rows and columns, ``H K H``.

    Args:
        gram: Shape (N, N), symmetric. Where ``usable`` is False, row and column must be 0.
        usable: Which samples count, shape (N,), bool. Defaults to None, all.

    Returns:
        Shape (N, N); zeros if only rounding is left.

    Example:
        >>> center_gram(torch.tensor([[4., 0.], [0., 0.]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    return without_rounding(less_mean(less_mean(gram, usable).T, usable).T, gram)


def less_mean(rows: Tensor, usable: Tensor | None, mean: Tensor | None = None) -> Tensor:
    """:func:`center_rows`, the rounding left in."""
    if usable is None:
        return rows - (rows.mean(0, keepdim=True) if mean is None else mean)
    if mean is None:
        mean = rows.sum(0, keepdim=True) / usable.sum().clamp_min(1)
    return torch.where(usable[:, None], rows - mean, 0)


def without_rounding(centered: Tensor, before: Tensor, dim: int | None = None) -> Tensor:
    """Give ``centered``, or zeros if it holds nothing but the rounding of ``before``.

    A loss that knows no scale would blow rounding up to a gradient of 1e6 and more.

    Args:
        centered: A matrix less a mean.
        before: The matrix.
        dim: 0 looks at every column by itself, 1 at every row. Defaults to None, at the whole matrix.
    """
    left, all_of_it = (
        torch.linalg.vector_norm(x.detach(), dim=dim, keepdim=dim is not None) for x in (centered, before)
    )
    return centered * (left > 32 * torch.finfo(before.dtype).eps * all_of_it)
