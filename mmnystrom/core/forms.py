"""Forms of the loss: what matrix of a network's batch is compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from .centering import center_gram, center_rows, check_centering
from .checks import brief_repr, build_from_table, check_number
from .features import cast, widen
from .gram import Batch
from .kernels import Kernel
from .nystrom import check_rank, inverse_root


@dataclass(frozen=True)
class Rows:
    """A network's features against its landmarks; calling it gives the rows of C, or of F.

    Args:
        kernel: The kernel, its parameter found.
        landmarks: For an explicit kernel the mapped landmarks, with the root folded in if there is
            one, else the landmarks themselves; shape (m, d).
        root: Shape (m, m), or None.
        center: Whether the mean over the rows is taken away.
        mean: That mean, where it is not the batch's; shape (1, d) of mapped features for an
            explicit kernel, else (1, m).
        columns_centered: Whether the mean over the landmarks is still to be taken away.
    """

    kernel: Kernel
    landmarks: Tensor
    root: Tensor | None = None
    center: bool = False
    mean: Tensor | None = None
    columns_centered: bool = True

    def __call__(self, x: Tensor, usable: Tensor | None = None) -> Tensor:
        """Rows (N, m) of features (N, d), which were checked and cast.

        Where ``usable`` (N,) is False the features must be 0, and the row is 0.
        """
        landmarks = cast(self.landmarks, x.dtype)
        if self.kernel.explicit:
            # The mean goes before the product: there it is no difference of large numbers.
            return self._centered(self.kernel.map(x), usable) @ landmarks.T
        rows = self.kernel.values(x, landmarks)
        if self.root is not None:
            rows = rows @ cast(self.root, x.dtype)
        elif not self.columns_centered:
            rows = rows - rows.mean(1, keepdim=True)
        if usable is not None:
            rows = rows.masked_fill(~usable[:, None], 0)
        return self._centered(rows, usable)

    def _centered(self, rows: Tensor, usable: Tensor | None) -> Tensor:
        if not self.center:
            return rows
        mean = None if self.mean is None else cast(self.mean, rows.dtype)
        return center_rows(rows, usable, mean)

    @staticmethod
    def columns(usable: Tensor | None) -> None:
        """Every landmark counts, whichever samples of the batch do."""


@dataclass(frozen=True, repr=False)
class AgainstLandmarks:
    """What :class:`Partial` and :class:`Nystrom` share: centring.

    Args:
        center: ``'rows'`` takes the mean of all rows from each row: what the images of the batch have in
            common. ``'landmarks'`` takes the mean of all columns from each column: what the landmarks
            have in common. True does both, ``H_N C H_m`` with ``H_n = I - 1/n``. Defaults to False.
        mean: Whose mean is taken from the rows: ``'batch'``, that of the batch, or ``'landmarks'``,
            that of the images which the landmarks stand for, each landmark counted as often as it has
            images. Defaults to ``'batch'``.

    Raises:
        ValueError: If a choice is unknown, or ``mean`` is given where nothing is centred by it.
    """

    center: bool | str = False
    mean: str = 'batch'
    needs_landmarks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_centering(self.center, self.mean)

    __repr__ = brief_repr

    def check(self, kernel: Kernel, num_landmarks: int | None) -> None:
        """Nothing is impossible."""

    def fit(self, kernel: Kernel, landmarks: Tensor, weights: Tensor | None = None) -> Rows:
        """Prepare for the landmarks of one network.

        Args:
            kernel: The kernel, its parameter found.
            landmarks: Shape (m, d).
            weights: How many images each stands for, shape (m,). Defaults to None, all the same.

        Raises:
            KernelMatrixError: If a root is needed and their kernel matrix has none.
        """
        centered = self.center in (True, 'landmarks')
        root = self.root(kernel, landmarks, centered)
        if kernel.explicit and (centered or root is not None):
            against = kernel.map(widen(landmarks))
            if centered:  # before the root, which would leave the rounding of a large mean
                against = against - against.mean(0, keepdim=True)
            if root is not None:
                against = root @ against
            against = against.to(landmarks)
        else:
            against = kernel.map(landmarks) if kernel.explicit else landmarks
        root = None if kernel.explicit or root is None else root.to(landmarks)
        rows = Rows(kernel, against, root, columns_centered=not centered or root is not None)
        if self.center not in (True, 'rows'):
            return rows
        mean = None
        if self.mean == 'landmarks':
            share = (torch.ones(len(landmarks)) if weights is None else weights).to(landmarks)
            images = kernel.map(landmarks) if kernel.explicit else rows(landmarks)
            mean = (share / share.sum())[None] @ images
        return replace(rows, center=True, mean=mean)

    def root(self, kernel: Kernel, landmarks: Tensor, centered: bool) -> Tensor | None:
        """What C is multiplied by, shape (m, m), or None."""
        return None


@dataclass(frozen=True, repr=False)
class Partial(AgainstLandmarks):
    """Rows of the partial kernel matrix, ``C = kernel(X, L)`` (Qian, Li and Hu, Corollary 2).

    Arguments: see :class:`AgainstLandmarks`. With ``center=True`` and ``distance='cosine'`` the loss is
    1 less the landmark CKA. For the linear kernel and centred X, L the parts of the alignment are
    ``<C_S, C_T> = <X_S^T X_T, L_S^T L_T>`` and ``||C||^2 = <X^T X, L^T L>``: a covariance of the batch
    times one of the landmarks. Each is without bias, however small the batch, and with landmarks drawn
    from the data their quotient goes to the CKA of the whole kernel matrices. In the CKA of a batch
    (``form='batch'``) the batch's covariance is squared, its noise with it, which makes small batches
    look alike that are not.
    """


@dataclass(frozen=True, repr=False)
class Nystrom(AgainstLandmarks):
    """Rows of the Nystrom factor, ``F = C (W_k^+)^{1/2}`` (Qian, Li and Hu, Corollary 1).

    The root is found once per refresh, in float64; for the linear and cosine kernels it is folded
    into the landmarks, ``F = X ((W_k^+)^{1/2} L)^T``, and costs nothing more.

    With ``center`` the landmarks are centred before the root is taken, ``W -> H W H``, and the factor's
    rows after it. ``F F^T`` is then the approximation of the centred kernel matrix.

    Args:
        center: See :class:`AgainstLandmarks`. Defaults to False.
        mean: See there. Defaults to ``'batch'``.
        rank: k, an integer >= 1, or the share of W's spectrum to keep, a float in (0, 1]. Defaults
            to None, all.
        threshold: Eigenvalues of W of at most this multiple of the largest are dropped. Defaults to
            1e-6.

    Raises:
        ValueError: If one is anything else.
    """

    rank: int | float | None = None
    threshold: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rank(self.rank)
        check_number('threshold', self.threshold, high=1, low_included=True)

    def check(self, kernel: Kernel, num_landmarks: int | None) -> None:
        """Refuse a rank of more than the landmarks.

        Raises:
            ValueError: If it is.
        """
        check_rank(self.rank, num_landmarks)

    def root(self, kernel: Kernel, landmarks: Tensor, centered: bool) -> Tensor:
        """``(W_k^+)^{1/2}``, shape (m, m), float64.

        Raises:
            KernelMatrixError: If W has no root.
        """
        return landmark_root(kernel, landmarks, self.rank, self.threshold, centered)


FORMS = {'partial': Partial, 'nystrom': Nystrom, 'batch': Batch}
Form = Partial | Nystrom | Batch


def build_form(spec: str | dict) -> Form:
    """Return a form.

    Args:
        spec: Its name, or ``dict(type='nystrom', rank=0.99)``.

    Raises:
        TypeError: If the spec is neither, or has an argument the form does not take.
        ValueError: If there is no such form, or it refuses an argument.

    Example:
        >>> build_form(dict(type='batch', center=True))
        Batch(center=True, normalize_rows=False, normalize_features=False)
    """
    return build_from_table(FORMS, 'form', spec)


def landmark_root(
    kernel: Kernel,
    landmarks: Tensor,
    rank: int | float | None = None,
    threshold: float = 1e-6,
    centered: bool = False,
) -> Tensor:
    """``(W_k^+)^{1/2}`` with ``W = kernel(L, L)``, or ``H W H``, in float64; shape (m, d) to (m, m).

    Raises:
        KernelMatrixError: If W has no root.
    """
    wide = widen(landmarks.detach())
    gram = kernel(wide, wide)
    return inverse_root(center_gram(gram) if centered else gram, rank, threshold)
