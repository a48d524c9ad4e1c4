"""Maps from the features of a batch to kernel rows: against landmarks, or against the batch itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .centering import center_gram, center_rows
from .features import cast
from .kernels import Kernel


@dataclass(frozen=True)
class LandmarkMap:
    """Features of a network against its landmarks; calling it gives the rows of C, or of F.

    Args:
        kernel: The kernel, its parameter found.
        landmarks: For an explicit kernel the mapped landmarks, with the root folded in if there is
            one, else the landmarks themselves; shape (m, d).
        root: Shape (m, m), or None.
        center: Whether the mean over the rows is taken away.
        mean: That mean, where it is not the batch's; shape (1, d) of mapped features for an
            explicit kernel, else (1, m).
        columns_centered: False if the mean over the landmarks is still to be taken away.
    """

    kernel: Kernel
    landmarks: Tensor
    root: Tensor | None = None
    center: bool = False
    mean: Tensor | None = None
    columns_centered: bool = True

    def __call__(self, x: Tensor, usable: Tensor | None = None) -> Tensor:
        """Kernel rows (N, m) of features (N, d), which were checked and cast.

        Where ``usable`` (N,) is False the features must be 0, and the row is 0.
        """
        landmarks = cast(self.landmarks, x.dtype)
        if self.kernel.explicit:
            # The mean is taken away before the product, to avoid a difference of large numbers.
            return self._centered(self.kernel.map(x), usable) @ landmarks.T
        rows = self.kernel.values(x, landmarks)
        if self.root is not None:
            rows = rows @ cast(self.root, x.dtype)
        elif not self.columns_centered:
            rows = rows - rows.mean(1, keepdim=True)
        if usable is not None:
            rows = torch.where(usable[:, None], rows, 0)
        return self._centered(rows, usable)

    def _centered(self, rows: Tensor, usable: Tensor | None) -> Tensor:
        if not self.center:
            return rows
        mean = None if self.mean is None else cast(self.mean, rows.dtype)
        return center_rows(rows, usable, mean)

    @staticmethod
    def columns(usable: Tensor | None) -> None:
        """Every landmark counts, whichever samples of the batch do."""


@dataclass(frozen=True)
class GramMap:
    """Features of a batch against themselves: its Gram matrix, shape (N, d) to (N, N).

    Args:
        kernel: The kernel.
        center: Whether the matrix is centred.
        unit_rows: Whether its rows are then scaled to unit length.
    """

    kernel: Kernel
    center: bool
    unit_rows: bool

    def __call__(self, x: Tensor, usable: Tensor | None = None) -> Tensor:
        """Gram matrix (N, N) of features (N, d), which were checked and cast.

        Where ``usable`` (N,) is False the features must be 0, and row and column are 0. The rest is the
        matrix of the other samples.
        """
        gram = self.kernel.values(x, x)
        if usable is not None:
            gram = torch.where(usable[:, None] & usable, gram, 0)
        if self.center:
            gram = center_gram(gram, usable)
        return F.normalize(gram, dim=1) if self.unit_rows else gram

    @staticmethod
    def columns(usable: Tensor | None) -> Tensor | None:
        """The columns that count are those of the samples that do."""
        return usable
