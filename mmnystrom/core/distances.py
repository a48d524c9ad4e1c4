"""Distances between the student's rows and the teacher's: sums over a batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from .centering import less_mean, without_rounding
from .checks import check_choice, check_number
from .table import Table

NORMALIZATIONS = ('teacher_norm', 'mean', 'none')


@dataclass(frozen=True)
class Distance:
    """A distance, summed over the batch.

    ``distance(s_rows, t_rows)`` takes two matrices of shape (N, m), gives a scalar, and passes
    gradients to the first. Rows of zeros in both matrices add nothing. ``columns`` (m,) tells which
    columns count; the others must be 0 in both. None stands for all.
    """

    #: The values of ``normalize`` that go with it. The first is its default.
    normalizations: ClassVar[tuple[str, ...]] = NORMALIZATIONS
    #: Whether rows times a constant, in either network, have the same distance.
    scale_free: ClassVar[bool] = False

    def __call__(self, s_rows: Tensor, t_rows: Tensor, columns: Tensor | None = None) -> Tensor:
        raise NotImplementedError

    def terms(self, rows: int | Tensor, columns: int | Tensor) -> int | Tensor:
        """How many terms the sum has: what ``normalize='mean'`` divides by.

        Args:
            rows: Number of rows that count.
            columns: Number of columns that count.
        """
        return rows * columns

    def choose_normalization(self, normalize: str | None) -> str:
        """``normalize``, or its default for this distance.

        Raises:
            ValueError: If it does not go with the distance.
        """
        check_choice('normalize', normalize, (None, *NORMALIZATIONS))
        if normalize is None:
            return self.normalizations[0]
        if normalize not in self.normalizations:
            raise ValueError(
                f'normalize={normalize!r} does not go with {self!r}, which knows no scale: leave it out, '
                f'or write one of {list(self.normalizations)}.'
            )
        return normalize


@dataclass(frozen=True)
class SmoothL1(Distance):
    """Quadratic where the difference is less than ``beta``, linear beyond.

    Args:
        beta: Number > 0. Defaults to 1, the authors'.

    Raises:
        ValueError: If it is anything else.
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        check_number('beta', self.beta, remedy="or take distance='l1', which is its limit at 0")

    def __call__(self, s_rows: Tensor, t_rows: Tensor, columns: Tensor | None = None) -> Tensor:
        return F.smooth_l1_loss(s_rows, t_rows, reduction='sum', beta=self.beta)


@dataclass(frozen=True)
class L1(Distance):
    """Absolute differences."""

    def __call__(self, s_rows: Tensor, t_rows: Tensor, columns: Tensor | None = None) -> Tensor:
        return F.l1_loss(s_rows, t_rows, reduction='sum')


@dataclass(frozen=True)
class MSE(Distance):
    """Squared differences."""

    def __call__(self, s_rows: Tensor, t_rows: Tensor, columns: Tensor | None = None) -> Tensor:
        return F.mse_loss(s_rows, t_rows, reduction='sum')


@dataclass(frozen=True)
class KL(Distance):
    """``tau^2 KL(softmax(t / tau) || softmax(s / tau))``: every row holds logits over landmarks.

    With the classifiers' rows as landmarks of the features before them, this is the distillation
    loss of Hinton, Vinyals and Dean (arXiv 1503.02531), up to the bias.

    Args:
        tau: Temperature, a number > 0. Defaults to 1.

    Raises:
        ValueError: If it is anything else.
    """

    tau: float = 1.0
    normalizations: ClassVar[tuple[str, ...]] = ('mean', 'none', 'teacher_norm')

    def __post_init__(self) -> None:
        check_number('tau', self.tau, remedy='a temperature; 1 to 10 is usual')

    def __call__(self, s_rows: Tensor, t_rows: Tensor, columns: Tensor | None = None) -> Tensor:
        logits = [rows / self.tau for rows in (s_rows, t_rows)]
        if columns is not None:
            # Large enough for a probability of 0. Infinity would give NaN in a difference.
            least = torch.finfo(s_rows.dtype).min / 2
            logits = [rows.masked_fill(~columns, least) for rows in logits]
        s_log, t_log = (rows.log_softmax(1) for rows in logits)
        return self.tau**2 * F.kl_div(s_log, t_log, reduction='sum', log_target=True)

    def terms(self, rows: int | Tensor, columns: int | Tensor) -> int | Tensor:
        """The number of rows, as reduction='batchmean' counts."""
        return rows


@dataclass(frozen=True)
class RowKL(Distance):
    """``KL(t || s)`` of rows divided by their sums: every row holds weights, none of them negative.

    Of kernels whose values lie in [0, 1] a row says how likely each other image is to be a neighbour:
    Passalis and Tefas (ECCV 2018), eq. 4 to 7. Negative values count as 0.

    Args:
        eps: Added to both within the logarithm, as in the authors' code. Defaults to 1e-7.

    Raises:
        ValueError: If it is not a number > 0.
    """

    eps: float = 1e-7
    normalizations: ClassVar[tuple[str, ...]] = ('mean', 'none')
    scale_free: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number('eps', self.eps)

    def __call__(self, s_rows: Tensor, t_rows: Tensor, columns: Tensor | None = None) -> Tensor:
        s, t = (_shares(rows) for rows in (s_rows, t_rows))
        return (t * ((t + self.eps) / (s + self.eps)).log()).sum()


def _shares(rows: Tensor) -> Tensor:
    """Rows divided by their sums; a row of zeros stays as it is."""
    rows = rows.clamp_min(0)
    sums = rows.sum(1, keepdim=True)
    return rows / torch.where(sums > 0, sums, 1)


@dataclass(frozen=True)
class Cosine(Distance):
    """``1 - <s, t> / (|s| |t|)`` of the two matrices as vectors: of centred Gram matrices, 1 - CKA.

    0 where the teacher's is all zeros, which leaves nothing to learn.
    """

    normalizations: ClassVar[tuple[str, ...]] = ('none',)
    scale_free: ClassVar[bool] = True

    def __call__(self, s_rows: Tensor, t_rows: Tensor, columns: Tensor | None = None) -> Tensor:
        s_norm, t_norm = torch.linalg.vector_norm(s_rows), torch.linalg.vector_norm(t_rows)
        # A norm of 0 becomes 1: the gradient must stay finite there.
        taught = t_norm > 0
        target = t_rows / torch.where(taught, t_norm, 1)
        similarity = (s_rows * target).sum() / torch.where(s_norm > 0, s_norm, 1)
        return (1 - similarity) * taught


@dataclass(frozen=True)
class Correlation(Distance):
    """``1 - r`` of every row, their mean, plus that of every column; r is Pearson's correlation.

    What DIST asks of predictions (Huang et al., NeurIPS 2022: relations between classes, and between
    images), asked of kernel rows. Every image and every landmark counts alike, however long its row or
    column; in :class:`Cosine` the long ones decide. Rows and columns of which the teacher's entries are
    all the same, but for rounding, leave nothing to learn and do not count.

    Args:
        of: ``'rows'``, ``'columns'`` or ``'both'``. Defaults to ``'both'``.

    Raises:
        ValueError: If it is anything else.
    """

    of: str = 'both'
    normalizations: ClassVar[tuple[str, ...]] = ('none',)
    scale_free: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_choice('of', self.of, ('both', 'rows', 'columns'))

    def __call__(self, s_rows: Tensor, t_rows: Tensor, columns: Tensor | None = None) -> Tensor:
        total = s_rows.new_zeros(())
        if self.of != 'columns':
            total = total + _uncorrelated(s_rows.T, t_rows.T, columns)
        if self.of != 'rows':
            counts = ((s_rows != 0) | (t_rows != 0)).any(1)
            total = total + _uncorrelated(s_rows, t_rows, counts)
        return total


def _uncorrelated(s: Tensor, t: Tensor, counts: Tensor | None) -> Tensor:
    """The mean of 1 - r over the columns, each over the entries that count; the others are 0."""
    s, t = (without_rounding(less_mean(x, counts), x, dim=0) for x in (s, t))
    s_norm, t_norm = (torch.linalg.vector_norm(x, dim=0) for x in (s, t))
    norms = s_norm * t_norm
    r = (s * t).sum(0) / torch.where(norms > 0, norms, 1)
    taught = t_norm > 0
    return ((1 - r) * taught).sum() / taught.sum().clamp_min(1)


DISTANCES: Table[Distance] = Table(
    'distance',
    {
        'smooth_l1': SmoothL1,
        'l1': L1,
        'mse': MSE,
        'kl': KL,
        'row_kl': RowKL,
        'cosine': Cosine,
        'correlation': Correlation,
    },
)
build_distance = DISTANCES.build


def normalized(
    distance: Distance,
    normalize: str,
    s_rows: Tensor,
    t_rows: Tensor,
    weight: float = 1.0,
    usable: Tensor | None = None,
    columns: Tensor | None = None,
) -> Tensor:
    """A distance, divided as ``normalize`` says.

    Args:
        distance: Which.
        normalize: ``'teacher_norm'``: by ``||t_rows||_F``, and 0 where that is 0, which leaves nothing
            to learn; ``'mean'``: by the number of terms; ``'none'``.
        s_rows: The student's rows, shape (N, m).
        t_rows: The teacher's rows, shape (N, m); no gradient.
        weight: Factor. Defaults to 1.
        usable: Which rows count, shape (N,); the others must be 0 in both. Defaults to None, all.
        columns: Which columns count, shape (m,); the others must be 0 in both. Defaults to None, all.

    Returns:
        Scalar; 0 where no row counts.
    """
    total = distance(s_rows, t_rows, columns)
    if normalize == 'mean':
        rows = len(s_rows) if usable is None else usable.sum().clamp_min(1)
        return total * (weight / distance.terms(rows, s_rows.shape[1] if columns is None else rows))
    if normalize == 'teacher_norm':
        norm = torch.linalg.vector_norm(t_rows)
        return total * (norm.reciprocal().nan_to_num(nan=math.nan, posinf=0.0) * weight)
    return total * weight
