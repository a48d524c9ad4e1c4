"""The Nystrom approximation: the root of the landmarks' kernel matrix."""

from __future__ import annotations

import warnings
from numbers import Integral

import torch
from torch import Tensor

from .checks import check_integer, check_number
from .features import widen

#: Multiples of the mean of W's diagonal. They are added to it one after another, until the eigenvalues
#: converge.
JITTERS = (1e-10, 1e-8, 1e-6)


class KernelMatrixError(ArithmeticError):
    """The landmarks' kernel matrix has no root: it holds NaN, or its eigenvalues do not converge."""


def check_rank(rank: int | float | None, num_landmarks: int | None = None) -> None:
    """Refuse a rank that means nothing.

    Raises:
        ValueError: If it is not None, an integer from 1 to the number of landmarks, or a float in
            (0, 1].
    """
    if rank is None:
        return
    if isinstance(rank, Integral):
        check_integer('rank', rank)
        if num_landmarks is not None and rank > num_landmarks:
            raise ValueError(
                f'rank={rank} is more than the number of landmarks, {num_landmarks}: give at most that.'
            )
        return
    remedy = 'the share of the spectrum to keep, or give an integer, the number of eigenvalues to keep'
    check_number('rank', rank, high=1, high_included=True, remedy=remedy)


def inverse_root(gram: Tensor, rank: int | float | None = None, threshold: float = 1e-6) -> Tensor:
    """Symmetric root of the pseudo-inverse, ``(W_k^+)^{1/2} = U_k diag(lambda^-1/2) U_k^T``.

    The symmetric root keeps column j of ``F = C (W_k^+)^{1/2}`` tied to landmark j, so that the
    factors of two networks can be compared (Qian, Li and Hu, arXiv 2009.14416, Corollary 1). Computed
    in float64. If the eigenvalues do not converge, growing multiples of the mean diagonal
    (:data:`JITTERS`) are added, with a warning.

    Args:
        gram: W, the kernel matrix of the landmarks, symmetric, shape (m, m).
        rank: k: how many of the largest eigenvalues to keep; a float in (0, 1] keeps as few as make up
            that share of the sum of all. Defaults to None, all.
        threshold: Eigenvalues of at most this multiple of the largest are dropped. Defaults to 1e-6:
            smaller ones would multiply the rounding of float32 features more than a thousandfold.

    Returns:
        Shape (m, m), float64 (float32 on a device that has none).

    Raises:
        KernelMatrixError: If W holds NaN or infinity, or its eigenvalues do not converge.
        ValueError: If ``rank`` or ``threshold`` means nothing.

    Example:
        >>> inverse_root(torch.tensor([[4., 0.], [0., 0.]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.0000]], dtype=torch.float64)
    """
    check_rank(rank)
    check_number('threshold', threshold, high=1, low_included=True)
    gram = widen(gram.detach())
    bad = int((~gram.isfinite()).sum())
    if bad:
        raise KernelMatrixError(
            f'{bad} of the {gram.numel()} entries of the kernel matrix of {len(gram)} landmarks are NaN '
            'or infinite: look at the landmarks, the learning rate, the loss scale, or the kernel.'
        )
    values, vectors = _eigh((gram + gram.T) / 2)
    largest = values[-1].clamp_min(0)
    keep = values > largest * threshold
    keep &= values > 0
    if isinstance(rank, Integral):
        keep[: max(len(values) - int(rank), 0)] = False
    elif rank is not None:
        positive = values.clamp_min(0).flip(0)
        before = positive.cumsum(0) - positive
        keep &= (before < rank * positive.sum()).flip(0)
    if values[0] < -1e-6 * largest:
        warnings.warn(
            f'The kernel matrix of the landmarks has a negative eigenvalue, {values[0]:.3g} beside '
            f'{largest:.3g}, which is dropped: the kernel is not positive semi-definite there.',
            RuntimeWarning,
            stacklevel=2,
        )
    scale = torch.where(keep, values, torch.ones_like(values)).rsqrt() * keep
    return (vectors * scale) @ vectors.T


def _eigh(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Ascending eigenvalues, and eigenvectors, with the jitter :func:`inverse_root` speaks of."""
    mean = gram.diagonal().mean()
    for jitter in (0.0, *JITTERS):
        try:
            found = torch.linalg.eigh(gram + jitter * mean * torch.eye(len(gram)).to(gram))
        except RuntimeError as error:  # torch.linalg.LinAlgError is one
            last = error
            continue
        if jitter:
            warnings.warn(
                f'The eigenvalues of the kernel matrix of {len(gram)} landmarks converged only with '
                f'{jitter * mean:.3g} added to its diagonal (mean {mean:.3g}).',
                RuntimeWarning,
                stacklevel=3,
            )
        return found
    raise KernelMatrixError(
        f'The eigenvalues of the kernel matrix of {len(gram)} landmarks do not converge, even with '
        f'{JITTERS[-1] * mean:.3g} added to its diagonal (mean {mean:.3g}): {last}'
    ) from last
