"""Landmarks that are samples of a pool of features."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.cluster import kmeans_plusplus
from torch import Tensor

from ..checks import check_number
from ..features import widen
from ..kernels import Kernel
from .pool import Reservoir
from .schedule import Selection, Use


class Drawn(Reservoir):
    """Landmarks that are samples of the pool: the same ones in both networks.

    A subclass says which, from the teacher's features. Arguments as for
    :class:`~mmnystrom.core.landmarks.Reservoir`.
    """

    no_momentum = 'row j is another sample at each refresh, and an average of the two stands for neither'

    def select(self) -> Selection | None:
        """Take the features of the drawn samples."""
        if not self.filled:
            return None
        student, teacher = self.pool()
        number = min(self.num_landmarks, len(teacher))
        if number < self.num_landmarks:
            self._warn_fewer(number, 'samples in the pool')
        chosen = np.zeros(0, dtype=np.int64)
        if number:
            chosen = self.draw(teacher, number, self.generator())
        index = torch.as_tensor(chosen, dtype=torch.long).to(teacher.device)
        fresh = torch.arange(self.num_landmarks, device=teacher.device) < number
        rows = []
        for pool in (student, teacher):
            row = torch.zeros(self.num_landmarks, pool.shape[1], device=pool.device)
            row[:number] = pool[index]
            rows.append(row)
        return Selection(*rows, fresh.float(), continues=False)

    def draw(self, teacher: Tensor, number: int, generator: np.random.Generator) -> np.ndarray:
        """Choose the samples that become landmarks.

        Args:
            teacher: The teacher's features, shape (P, d_T), finite.
            number: How many to draw, at most P.
            generator: Where the randomness comes from.

        Returns:
            Different positions in [0, P), shape (number,).
        """
        raise NotImplementedError


class Random(Drawn):
    """Samples drawn uniformly (Williams and Seeger, NIPS 2000)."""

    strategy = 'random'

    def draw(self, teacher: Tensor, number: int, generator: np.random.Generator) -> np.ndarray:
        """Draw uniformly, without replacement."""
        return generator.choice(len(teacher), number, replace=False)


class KMeansPlusPlus(Drawn):
    """Samples drawn by k-means++ seeding on the teacher's features (Arthur and Vassilvitskii, 2007)."""

    strategy = 'kmeans++'

    def draw(self, teacher: Tensor, number: int, generator: np.random.Generator) -> np.ndarray:
        """Draw with probability proportional to the squared distance to the nearest one drawn."""
        state = int(generator.integers(1 << 31))
        _, chosen = kmeans_plusplus(teacher.double().cpu().numpy(), number, random_state=state)
        return _without_repeats(chosen, len(teacher), generator)


class Farthest(Drawn):
    """Farthest-point samples: each is the farthest from all before (Gonzalez, 1985).

    The first is drawn at random; distances are those of the teacher's features.
    """

    strategy = 'farthest'

    def draw(self, teacher: Tensor, number: int, generator: np.random.Generator) -> np.ndarray:
        """Take the farthest sample, again and again."""
        chosen = torch.zeros(number, dtype=torch.long, device=teacher.device)
        chosen[0] = int(generator.integers(len(teacher)))
        nearest = torch.full((len(teacher),), float('inf'), device=teacher.device)
        for j in range(number):
            nearest = torch.minimum(nearest, (teacher - teacher[chosen[j]]).square().sum(1))
            nearest[chosen[j]] = -1  # never again, even if only copies of it are left
            if j + 1 < number:
                chosen[j + 1] = nearest.argmax()
        return chosen.cpu().numpy()


class Leverage(Drawn):
    """Samples drawn by their ridge leverage scores in the teacher's kernel matrix.

    The scores are the diagonal of ``K (K + lambda I)^-1`` with ``lambda = ridge * trace(K) / m``
    (Alaoui and Mahoney, NIPS 2015): high where a sample is not explained by the others. For the linear
    and cosine kernels they need d x d matrices, for the others one of pool_size x pool_size.

    Args:
        num_landmarks: m.
        pool_size: See :class:`~mmnystrom.core.landmarks.Reservoir`. Defaults to None.
        seed: See there. Defaults to 0.
        refresh: See there. Defaults to None.
        init: See there. Defaults to None.
        ridge: lambda as a multiple of ``trace(K) / m``. Defaults to 0.01; it matters little.

    Raises:
        ValueError: If an argument makes no sense.
    """

    strategy = 'leverage'

    def __init__(
        self,
        num_landmarks: int,
        pool_size: int | None = None,
        seed: int = 0,
        refresh: dict | None = None,
        init: str | None = None,
        ridge: float = 0.01,
        use: Use | None = None,
    ) -> None:
        super().__init__(num_landmarks, pool_size, seed, refresh, init, use)
        check_number('ridge', ridge)
        self.ridge = ridge

    def draw(self, teacher: Tensor, number: int, generator: np.random.Generator) -> np.ndarray:
        """Draw without replacement, with probability proportional to the scores."""
        scores = leverage_scores(teacher, self.use.kernel, self.ridge / number).cpu().numpy()
        scores = scores + 1e-12 * (scores.mean() or 1)  # so that copies and zeros can fill up
        return generator.choice(len(scores), number, replace=False, p=scores / scores.sum())


def leverage_scores(rows: Tensor, kernel: Kernel, ridge: float) -> Tensor:
    """Ridge leverage scores, the diagonal of ``K (K + lambda I)^-1`` with ``lambda = ridge * trace(K)``.

    Args:
        rows: Shape (P, d).
        kernel: Its parameter is found in the rows, if it asks for that.
        ridge: Share of the trace of K; not less than 1e-10, for the sake of rounding.

    Returns:
        Shape (P,), within [0, 1]; zeros where K is zero.
    """
    rows = widen(rows)
    ridge = max(ridge, 1e-10)
    kernel = kernel.fit(rows)
    if kernel.explicit:
        mapped = kernel.map(rows)
        trace = mapped.square().sum()
        penalty = ridge * trace * torch.eye(mapped.shape[1]).to(mapped)
        if trace == 0:
            return torch.zeros_like(rows[:, 0])
        factor = torch.linalg.cholesky(mapped.T @ mapped + penalty)
        half = torch.linalg.solve_triangular(factor, mapped.T, upper=False)
        return half.square().sum(0).clamp(0, 1)
    gram = kernel(rows, rows)
    penalty = ridge * gram.diagonal().sum()
    factor = torch.linalg.cholesky(gram + penalty * torch.eye(len(gram)).to(gram))
    return (1 - penalty * torch.cholesky_inverse(factor).diagonal()).clamp(0, 1)


def _without_repeats(chosen: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Replace repeats, which stand for copies of a sample, by samples not chosen."""
    kept, first = np.unique(chosen, return_index=True)
    if len(kept) == len(chosen):
        return chosen
    rest = np.setdiff1d(np.arange(size), kept)
    extra = generator.choice(rest, len(chosen) - len(kept), replace=False)
    return np.concatenate([chosen[np.sort(first)], extra])
