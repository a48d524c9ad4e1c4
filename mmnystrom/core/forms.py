"""Forms of the loss: which matrix of a batch is compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from .centering import center_gram, check_centering
from .checks import brief_repr, check_flag, check_number
from .features import widen
from .kernels import Kernel
from .maps import GramMap, LandmarkMap
from .nystrom import check_rank, inverse_root
from .table import Table


class Form:
    """Base class of the forms: which matrix of a batch is compared.

    A subclass overrides what is different for it.
    """

    #: Whether it compares features with landmarks.
    needs_landmarks: ClassVar[bool] = True
    #: Whether a root of the landmarks' kernel matrix is taken.
    takes_root: ClassVar[bool] = False
    #: Rank of that root, and the share of the largest eigenvalue below which one counts as 0; see
    #: :class:`Nystrom`.
    rank: ClassVar[int | float | None] = None
    threshold: ClassVar[float] = 1e-6

    @property
    def unit_features(self) -> bool:
        """Whether features are scaled to unit length first."""
        return False

    @property
    def unit_rows(self) -> bool:
        """Whether the rows of the matrix are scaled to unit length."""
        return False

    def check(self, kernel: Kernel, num_landmarks: int | None) -> None:
        """Refuse a kernel or a number of landmarks. The base class allows all.

        Raises:
            ValueError: If the form cannot do with them.
        """

    def prepare(self, x: Tensor) -> Tensor:
        """Prepare features (N, d) for the kernel."""
        return F.normalize(x, dim=1) if self.unit_features else x

    def fit(
        self, kernel: Kernel, landmarks: Tensor | None = None, weight: Tensor | None = None
    ) -> LandmarkMap | GramMap:
        """Prepare the map of one network.

        Args:
            kernel: The kernel, its parameter found.
            landmarks: Shape (m, d); None for a form without landmarks.
            weight: How many images each landmark stands for, shape (m,). Defaults to None, all the
                same.

        Raises:
            KernelMatrixError: If a root is needed and the landmarks' kernel matrix has none.
        """
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class AgainstLandmarks(Form):
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

    def __post_init__(self) -> None:
        check_centering(self.center, self.mean)

    __repr__ = brief_repr

    def fit(
        self, kernel: Kernel, landmarks: Tensor | None = None, weight: Tensor | None = None
    ) -> LandmarkMap:
        """Prepare for the landmarks of one network; see :meth:`Form.fit`."""
        centered = self.center in (True, 'landmarks')
        root = None
        if kernel.explicit and (centered or self.takes_root):
            against = kernel.map(widen(landmarks))
            if centered:  # centring after the root would leave the rounding of a large mean
                against = against - against.mean(0, keepdim=True)
            against = self.fold_root(against).to(landmarks)
        elif kernel.explicit:
            against = kernel.map(landmarks)
        else:
            against = landmarks
            root = self.root(kernel, landmarks, centered)
            root = None if root is None else root.to(landmarks)
        found = LandmarkMap(kernel, against, root, columns_centered=not centered or root is not None)
        if self.center not in (True, 'rows'):
            return found
        mean = None
        if self.mean == 'landmarks':
            share = (torch.ones(len(landmarks)) if weight is None else weight).to(landmarks)
            images = kernel.map(landmarks) if kernel.explicit else found(landmarks)
            mean = (share / share.sum())[None] @ images
        return replace(found, center=True, mean=mean)

    def root(self, kernel: Kernel, landmarks: Tensor, centered: bool) -> Tensor | None:
        """What C is multiplied by, shape (m, m), or None."""
        return None

    def fold_root(self, mapped: Tensor) -> Tensor:
        """Landmarks in the feature space of an explicit kernel, (m, d), times the root."""
        return mapped


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

    takes_root: ClassVar[bool] = True
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

    def fold_root(self, mapped: Tensor) -> Tensor:
        """``(W_k^+)^{1/2} L`` with ``W = L L^T``, by whichever of ``L L^T`` and ``L^T L`` is smaller.

        With the singular values of L, ``L = U S V^T``, both ``(L L^T)_k^{+1/2} L`` and
        ``L (L^T L)_k^{+1/2}`` are ``U_k V_k^T``.

        Raises:
            KernelMatrixError: If W has no root.
        """
        m, d = mapped.shape
        if m <= d or not mapped.isfinite().all():  # for the message, which speaks of W
            return inverse_root(mapped @ mapped.T, self.rank, self.threshold) @ mapped
        return mapped @ inverse_root(mapped.T @ mapped, self.rank, self.threshold)


@dataclass(frozen=True)
class Batch(Form):
    """The Gram matrix of the batch itself, ``kernel(X, X)``: no landmarks.

    Args:
        center: Centre it, ``H K H`` with ``H = I - 1/N``. Defaults to False.
        normalize_rows: Scale its rows to unit length, after centring. Defaults to False.
        normalize_features: Scale the features to unit length before. Defaults to False.

    Raises:
        ValueError: If one is neither True nor False.
    """

    center: bool = False
    normalize_rows: bool = False
    normalize_features: bool = False
    needs_landmarks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for argument in ('center', 'normalize_rows', 'normalize_features'):
            check_flag(argument, getattr(self, argument))

    @property
    def unit_features(self) -> bool:
        """Whether features are scaled to unit length first."""
        return self.normalize_features

    @property
    def unit_rows(self) -> bool:
        """Whether the rows of the matrix are scaled to unit length."""
        return self.normalize_rows

    def check(self, kernel: Kernel, num_landmarks: int | None) -> None:
        """Refuse a gamma that would be found from landmarks.

        Raises:
            ValueError: If the kernel has one.
        """
        if kernel.needs_fit:
            raise ValueError(
                f'kernel: {kernel.fitted}={kernel.parameter!r} is found from landmarks, and '
                f"form='batch' has none: give {kernel.fitted} as a number, or leave it out."
            )

    def fit(self, kernel: Kernel, landmarks: None = None, weight: None = None) -> GramMap:
        """Prepare; there are no landmarks."""
        return GramMap(kernel, self.center, self.normalize_rows)


FORMS: Table[Form] = Table('form', {'partial': Partial, 'nystrom': Nystrom, 'batch': Batch})
build_form = FORMS.build


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
