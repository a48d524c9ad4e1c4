"""The form of the loss that has no landmarks: the Gram matrix of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from .centering import center_gram
from .checks import check_flag
from .kernels import Kernel


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
        if usable is not None:
            gram = gram.masked_fill(~(usable[:, None] & usable), 0)
        if self.center:
            gram = center_gram(gram, usable)
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
                f'kernel: {kernel.fitted}={kernel.parameter!r} is found from landmarks, and '
                f"form='batch' has none: give {kernel.fitted} as a number, or leave it out."
            )

    def fit(self, kernel: Kernel, landmarks: None = None, weights: None = None) -> GramRows:
        """Prepare; there are no landmarks."""
        return GramRows(kernel, self.center, self.normalize_rows, self.normalize_features)
