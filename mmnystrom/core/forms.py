"""Forms of the loss: what matrix of a network's batch is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from .checks import build_from_table, check_flag, check_number
from .features import cast, widen
from .kernels import Kernel
from .nystrom import check_rank, inverse_root


@dataclass(frozen=True)
class Rows:
    """A network's features against its landmarks; calling it gives the rows of C, or of F.

    Args:
        kernel: The kernel, its gamma found.
        landmarks: For an explicit kernel the mapped landmarks, with the root folded in if there is
            one, else the landmarks themselves; shape (m, d).
        root: Shape (m, m), or None.
    """

    kernel: Kernel
    landmarks: Tensor
    root: Tensor | None = None

    def __call__(self, x: Tensor, usable: Tensor | None = None) -> Tensor:
        """Rows (N, m) of features (N, d), which were checked and cast.

        Where ``usable`` (N,) is False the features must be 0, and the row is 0.
        """
        landmarks = cast(self.landmarks, x.dtype)
        if self.kernel.explicit:
            return self.kernel.map(x) @ landmarks.T
        rows = self.kernel.values(x, landmarks)
        if self.root is not None:
            rows = rows @ cast(self.root, x.dtype)
        return rows if usable is None else rows.masked_fill(~usable[:, None], 0)

    @staticmethod
    def columns(usable: Tensor | None) -> None:
        """Every landmark counts, whichever samples of the batch do."""


@dataclass(frozen=True)
class Partial:
    """Rows of the partial kernel matrix, ``C = kernel(X, L)`` (Qian, Li and Hu, Corollary 2)."""

    needs_landmarks: ClassVar[bool] = True

    def check(self, kernel: Kernel, num_landmarks: int | None) -> None:
        """Nothing is impossible."""

    def fit(self, kernel: Kernel, landmarks: Tensor) -> Rows:
        """Prepare for the landmarks of one network, shape (m, d)."""
        return Rows(kernel, kernel.map(landmarks) if kernel.explicit else landmarks)


@dataclass(frozen=True)
class Nystrom:
    """Rows of the Nystrom factor, ``F = C (W_k^+)^{1/2}`` (Qian, Li and Hu, Corollary 1).

    The root is found once per refresh, in float64; for the linear and cosine kernels it is folded
    into the landmarks, ``F = X ((W_k^+)^{1/2} L)^T``, and costs nothing more.

    Args:
        rank: k, an integer >= 1, or the share of W's spectrum to keep, a float in (0, 1]. Defaults
            to None, all.
        threshold: Eigenvalues of W of at most this multiple of the largest are dropped. Defaults to
            1e-6.

    Raises:
        ValueError: If one is anything else.
    """

    rank: int | float | None = None
    threshold: float = 1e-6
    needs_landmarks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_rank(self.rank)
        check_number('threshold', self.threshold, high=1, low_included=True)

    def check(self, kernel: Kernel, num_landmarks: int | None) -> None:
        """Refuse a rank of more than the landmarks.

        Raises:
            ValueError: If it is.
        """
        check_rank(self.rank, num_landmarks)

    def fit(self, kernel: Kernel, landmarks: Tensor) -> Rows:
        """Prepare for the landmarks of one network, shape (m, d).

        Raises:
            KernelMatrixError: If their kernel matrix has no root.
        """
        root = landmark_root(kernel, landmarks, self.rank, self.threshold)
        if kernel.explicit:
            return Rows(kernel, (root @ kernel.map(landmarks.to(root))).to(landmarks))
        return Rows(kernel, landmarks, root.to(landmarks))


@dataclass(frozen=True)
class GramRows:
    """The Gram matrix of a batch, as :class:`Batch` prepares it; shape (N, d) to (N, N)."""

    kernel: Kernel
    center: bool
    normalize_rows: bool
    normalize_features: bool

    def __call__(self, x: Tensor, usable: Tensor | None = None) -> Tensor:
        """Gram matrix (N, N) of features (N, d), which were checked and cast.

        Where ``usable`` (N,) is False the features must be 0, and row and column are 0. The rest is the
        matrix of the other samples.
        """
        if self.normalize_features:
            x = F.normalize(x, dim=1)
        gram = self.kernel.values(x, x)
        if usable is None:
            if self.center:
                gram = gram - gram.mean(0, keepdim=True)
                gram = gram - gram.mean(1, keepdim=True)
        else:
            unusable = ~(usable[:, None] & usable)
            gram = gram.masked_fill(unusable, 0)
            if self.center:
                number = usable.sum().clamp_min(1)
                gram = gram - gram.sum(0, keepdim=True) / number
                gram = gram.masked_fill(unusable, 0)
                gram = gram - gram.sum(1, keepdim=True) / number
                gram = gram.masked_fill(unusable, 0)
        return F.normalize(gram, dim=1) if self.normalize_rows else gram

    @staticmethod
    def columns(usable: Tensor | None) -> Tensor | None:
        """The columns that count are those of the samples that do."""
        return usable


@dataclass(frozen=True)
class Batch:
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

    def check(self, kernel: Kernel, num_landmarks: int | None) -> None:
        """Refuse a gamma that would be found from landmarks.

        Raises:
            ValueError: If the kernel has one.
        """
        if kernel.needs_fit:
            raise ValueError(
                f"kernel: gamma={kernel.gamma!r} is found from landmarks, and form='batch' has none: "
                'give gamma as a number, or None for 1 / d.'
            )

    def fit(self, kernel: Kernel, landmarks: None = None) -> GramRows:
        """Prepare; there are no landmarks."""
        return GramRows(kernel, self.center, self.normalize_rows, self.normalize_features)


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
    kernel: Kernel, landmarks: Tensor, rank: int | float | None = None, threshold: float = 1e-6
) -> Tensor:
    """``(W_k^+)^{1/2}`` with ``W = kernel(L, L)`` computed in float64; shape (m, d) to (m, m).

    Raises:
        KernelMatrixError: If W has no root.
    """
    wide = widen(landmarks.detach())
    return inverse_root(kernel(wide, wide), rank, threshold)
