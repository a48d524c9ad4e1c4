"""How much of the teacher's kernel matrix arrived in the student, without an n x n matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .checks import check_integer
from .features import widen
from .forms import landmark_root
from .kernels import Kernel, Linear


def kernel_transfer(s_feature: Tensor, t_feature: Tensor) -> float:
    """Relative distance ``||K_S - K_T||_F / ||K_T||_F`` of the linear-kernel Gram matrices.

    Qian, Li and Hu (arXiv 2009.14416), Fig. 3; see :func:`measure`.

    Args:
        s_feature: The student's features over a data set, shape (n, d_S).
        t_feature: The teacher's features of the same images in the same order, shape (n, d_T).

    Returns:
        0 where the matrices are equal; 1 is what a student of all zeros has.

    Raises:
        ValueError: If the numbers of rows differ, or the teacher's kernel matrix is zero.

    Example:
        >>> kernel_transfer(torch.zeros(3, 2), torch.eye(3))
        1.0
    """
    found = measure(s_feature, t_feature)['transfer']
    if not math.isfinite(found):
        raise ValueError('t_feature has a kernel matrix of zeros or NaN, nothing to compare with.')
    return found


@torch.no_grad()
def measure(
    s_feature: Tensor,
    t_feature: Tensor,
    kernels: tuple[Kernel, Kernel] | None = None,
    landmarks: tuple[Tensor, Tensor] | None = None,
    rank: int | float | None = None,
    threshold: float = 1e-6,
    tile: int = 1024,
) -> dict[str, float]:
    """Compare the kernel matrices of two networks over a data set.

    In float64. For the linear and cosine kernels everything follows from d x d matrices,
    ``||K_S - K_T||_F^2 = ||X_S^T X_S||_F^2 + ||X_T^T X_T||_F^2 - 2 ||X_S^T X_T||_F^2``; for the others
    the kernel matrices are walked in tiles. Memory O(tile^2 + n d).

    The bounds are those of Qian, Li and Hu (arXiv 2009.14416) with the constants that the paper leaves
    open written out, so that they hold for certain. With the Nystrom errors
    ``e = ||K - C W_k^+ C^T||_F``:

    - Corollary 1: ``e_S + e_T + (||F_S||_2 + ||F_T||_2) ||F_S - F_T||_F``, F = C (W_k^+)^{1/2};
    - Corollary 2: ``e_S + e_T + (||C_S W_S^+||_2 + ||C_T W_T^+||_2) ||C_S - C_T||_F
      + ||C_T (W_S^+ - W_T^+) C_S^T||_F``, whose last term vanishes as the landmarks' kernel matrices
      become one.

    Args:
        s_feature: The student's features over a data set, shape (n, d_S).
        t_feature: The teacher's features of the same images in the same order, shape (n, d_T).
        kernels: The student's kernel and the teacher's, their gamma found. Defaults to None, linear.
        landmarks: The student's landmarks (m, d_S) and the teacher's (m, d_T), for the Nystrom errors
            and the bounds. Defaults to None: without these.
        rank: k, see :func:`~mmnystrom.core.inverse_root`. Defaults to None, all.
        threshold: See there. Defaults to 1e-6.
        tile: Rows and columns of a tile. Defaults to 1024.

    Returns:
        ``transfer``, ``||K_S - K_T||_F / ||K_T||_F``; ``cka``, the centred kernel alignment; with
        landmarks also ``nystrom_error_student`` and ``nystrom_error_teacher``,
        ``||K - C W_k^+ C^T||_F / ||K||_F`` of each network, and ``bound_nystrom`` and ``bound_partial``,
        Corollaries 1 and 2, over ``||K_T||_F`` like the transfer they bound. NaN where a feature is
        not finite or a kernel matrix is 0.

    Raises:
        ValueError: If the numbers of rows differ, or ``tile`` is no positive integer.
        KernelMatrixError: If the landmarks' kernel matrix has no root.
    """
    check_integer('tile', tile)
    if s_feature.shape[0] != t_feature.shape[0]:
        raise ValueError(
            f's_feature has {s_feature.shape[0]} rows and t_feature {t_feature.shape[0]}: give the '
            'features of the same images.'
        )
    features = (s_feature, t_feature)
    kernels = kernels or (Linear(), Linear())
    sides = [None, None]
    if landmarks is not None:
        sides = [
            _Side(widen(rows), landmark_root(kernel, rows, rank, threshold))
            for kernel, rows in zip(kernels, landmarks, strict=True)
        ]
    if not all(feature.isfinite().all() for feature in features):
        names = ['transfer', 'cka', *(_LANDMARK_FIGURES if landmarks is not None else ())]
        return dict.fromkeys(names, math.nan)
    moments = _explicit if all(kernel.explicit for kernel in kernels) else _tiled
    found = moments(features, kernels, sides, tile)
    return {name: float(value) for name, value in _figures(found, sides).items()}


_LANDMARK_FIGURES = (
    'nystrom_error_student',
    'nystrom_error_teacher',
    'bound_nystrom',
    'bound_partial',
)


@dataclass
class _Side:
    """A network's landmarks (m, d) and (W_k^+)^{1/2}, in float64."""

    landmarks: Tensor
    root: Tensor


@dataclass
class _Moments:
    """Sums over all pairs of images, from which every figure follows.

    ``inner`` holds <K_S, K_S>, <K_T, K_T>, <K_S, K_T>; ``centred`` the same of the centred matrices;
    ``error`` ||K - C W_k^+ C^T||_F^2 of each network; ``partial`` C_S^T C_S, C_T^T C_T, C_S^T C_T.
    """

    inner: list[Tensor]
    centred: list[Tensor]
    error: list[Tensor]
    partial: list[Tensor]


_PAIRS = ((0, 0), (1, 1), (0, 1))


def _explicit(features, kernels, sides, tile) -> _Moments:
    size = len(features[0])
    second = [0.0, 0.0, 0.0]
    first = [0.0, 0.0]
    for part in _slices(size, tile):
        mapped = [k.map(widen(x[part])) for k, x in zip(kernels, features, strict=True)]
        second = [total + mapped[a].T @ mapped[b] for total, (a, b) in zip(second, _PAIRS, strict=True)]
        first = [total + x.sum(0) for total, x in zip(first, mapped, strict=True)]
    centred = [
        total - torch.outer(first[a], first[b]) / size
        for total, (a, b) in zip(second, _PAIRS, strict=True)
    ]
    error, partial = [], []
    if sides[0] is not None:
        mapped = [k.map(side.landmarks) for k, side in zip(kernels, sides, strict=True)]
        partial = [mapped[a] @ total @ mapped[b].T for total, (a, b) in zip(second, _PAIRS, strict=True)]
        for gram, side, rows in zip(second, sides, mapped, strict=False):
            # K - C W^+ C^T = X (I - L^T W^+ L) X^T avoids a difference of large numbers.
            folded = side.root @ rows
            rest = gram - gram @ folded.T @ folded
            error.append((rest * rest.T).sum())
    squares = [[total.square().sum() for total in totals] for totals in (second, centred)]
    return _Moments(*squares, error, partial)


def _tiled(features, kernels, sides, tile) -> _Moments:
    size = len(features[0])
    zero = widen(features[0].new_zeros(()))
    inner, error, partial = [zero] * 3, [zero] * 2, []
    sums = [widen(features[0].new_zeros(size)) for _ in kernels]

    def columns(network, part):
        side = sides[network]
        return kernels[network](widen(features[network][part]), side.landmarks)

    for i in _slices(size, tile):
        rows = [widen(x[i]) for x in features]
        if sides[0] is not None:
            c = [columns(network, i) for network in (0, 1)]
            partial = partial or [0.0] * 3
            partial = [total + c[a].T @ c[b] for total, (a, b) in zip(partial, _PAIRS, strict=True)]
            factors = [part @ side.root for part, side in zip(c, sides, strict=True)]
        for j in _slices(size, tile, i.start):
            twice = 1 if j.start == i.start else 2  # the tile below the diagonal is this one's mirror
            tiles = [k(r, widen(x[j])) for k, r, x in zip(kernels, rows, features, strict=True)]
            for n, (a, b) in enumerate(_PAIRS):
                inner[n] = inner[n] + twice * (tiles[a] * tiles[b]).sum()
            for total, values in zip(sums, tiles, strict=True):
                total[i] += values.sum(1)
                if twice == 2:
                    total[j] += values.sum(0)
            if sides[0] is not None:
                for n, side in enumerate(sides):
                    other = factors[n] if twice == 1 else columns(n, j) @ side.root
                    rest = tiles[n] - factors[n] @ other.T
                    error[n] = error[n] + twice * rest.square().sum()
    centred = [
        total - 2 * (sums[a] * sums[b]).sum() / size + sums[a].sum() * sums[b].sum() / size**2
        for total, (a, b) in zip(inner, _PAIRS, strict=True)
    ]
    return _Moments(inner, centred, error if partial else [], partial)


def _figures(moments: _Moments, sides: list) -> dict[str, Tensor]:
    student, teacher, both = moments.inner
    scale = teacher.sqrt()
    c_student, c_teacher, c_both = (total.clamp_min(0) for total in moments.centred)
    figures = dict(
        transfer=(student + teacher - 2 * both).clamp_min(0).sqrt() / scale,
        cka=c_both / (c_student * c_teacher).sqrt(),
    )
    if sides[0] is None:
        return figures
    errors = [total.clamp_min(0).sqrt() for total in moments.error]
    roots = [side.root for side in sides]
    grams = moments.partial
    factors = [roots[a] @ gram @ roots[b] for gram, (a, b) in zip(grams, _PAIRS, strict=True)]
    inverses = [root @ root for root in roots]
    change = inverses[0] - inverses[1]
    crossed = ((grams[1] @ change) * (change @ grams[0])).sum().clamp_min(0).sqrt()
    norms = [_largest(inverse @ gram @ inverse) for inverse, gram in zip(inverses, grams, strict=False)]
    first = (_largest(factors[0]) + _largest(factors[1])) * _distance(factors)
    second = sum(norms) * _distance(grams) + crossed
    values = (errors[0] / student.sqrt(), errors[1] / scale)
    values += tuple((sum(errors) + bound) / scale for bound in (first, second))
    return {**figures, **dict(zip(_LANDMARK_FIGURES, values, strict=True))}


def _distance(grams: list[Tensor]) -> Tensor:
    """||A - B||_F from A^T A, B^T B and A^T B."""
    student, teacher, both = (gram.diagonal().sum() for gram in grams)
    return (student + teacher - 2 * both).clamp_min(0).sqrt()


def _largest(gram: Tensor) -> Tensor:
    """||A||_2 from A^T A."""
    return torch.linalg.eigvalsh((gram + gram.T) / 2)[-1].clamp_min(0).sqrt()


def _slices(size: int, tile: int, start: int = 0) -> Iterator[slice]:
    for begin in range(start, size, tile):
        yield slice(begin, min(begin + tile, size))
