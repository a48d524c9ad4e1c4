"""Kernel functions. Names and parameters are those of scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import brief_repr, check_choice, check_integer, check_number
from .features import computing_dtype, widen, without_autocast
from .table import Table

#: Rows among which a median distance is looked for at most.
MEDIAN_ROWS = 1000


@dataclass(frozen=True)
class Kernel:
    """A kernel function with its parameters.

    ``kernel(x, y)`` takes shapes (N, d) and (M, d) and gives (N, M), in float32 for half-precision
    input, whatever autocast says. Instances do not change: :meth:`fit` returns another.

    Example:
        >>> import torch
        >>> build_kernel(dict(type='rbf', gamma=0.5))(torch.zeros(1, 2), torch.ones(3, 2))
        tensor([[0.3679, 0.3679, 0.3679]])
    """

    #: Whether ``k(x, y) = map(x) @ map(y).T`` with a :meth:`map` that costs no more than ``x``.
    explicit: ClassVar[bool] = False
    #: The parameter that :meth:`fit` can find in the landmarks, and the rules by which it does.
    fitted: ClassVar[str] = 'gamma'
    rules: ClassVar[tuple[str, ...]] = ()
    #: Whether features times a constant give values times a constant.
    homogeneous: ClassVar[bool] = False

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
            raise ValueError(
                f'a kernel takes x (N, d) and y (M, d), got {tuple(x.shape)} and {tuple(y.shape)}.'
            )
        dtype = computing_dtype(x, y)
        with without_autocast(x.device):
            return self.values(x.to(dtype), y.to(dtype))

    def values(self, x: Tensor, y: Tensor) -> Tensor:
        """Values of the kernel for inputs that were checked and cast."""
        return self.map(x) @ self.map(y).T

    def map(self, x: Tensor) -> Tensor:
        """The explicit feature map of a kernel that has one, shape (N, d) to (N, d)."""
        raise NotImplementedError(f'{type(self).__name__} has no explicit feature map')

    @property
    def needs_fit(self) -> bool:
        """Whether the parameter is still the name of a rule."""
        return isinstance(self.parameter, str)

    @property
    def scale_free(self) -> bool:
        """Whether features and landmarks, all times a constant, give the same values."""
        return self.needs_fit

    @property
    def parameter(self) -> float | str | None:
        """The value of the parameter that :attr:`fitted` names."""
        return getattr(self, self.fitted, None)

    def fit(self, rows: Tensor) -> Kernel:
        """The same kernel with the parameter its rule finds in these rows.

        ``'scale'`` is 1 / (d Var(rows)), as for scikit-learn's SVC. ``'median'`` is the median
        heuristic: with the median D of the distances between two rows, 1 / (2 D^2) for rbf (its
        bandwidth is D) and 1 / D, D in the l1 norm, for laplacian. Where that D is 0, as with many
        duplicates, the mean distance is taken, and where all rows are equal, gamma is 1. Of more than
        a thousand rows (:data:`MEDIAN_ROWS`) it is the median over that many, evenly spread.

        Args:
            rows: Shape (m, d).
        """
        if not self.needs_fit:
            return self
        return self.with_parameter(self._find(widen(rows.detach())))

    def with_parameter(self, value: float) -> Kernel:
        """The same kernel with another value of the parameter that :attr:`fitted` names."""
        return replace(self, **{self.fitted: value})

    def _find(self, rows: Tensor) -> float:
        return _scale_gamma(rows) if self.gamma == 'scale' else self._median_gamma(rows)

    def _median_gamma(self, rows: Tensor) -> float:
        raise NotImplementedError

    def _check_gamma(self) -> None:
        if isinstance(self.gamma, str):
            check_choice('gamma', self.gamma, self.rules)
        elif self.gamma is not None:
            names = ' or '.join(map(repr, self.rules))
            check_number('gamma', self.gamma, remedy=f'or write {names}, or None for 1 / d')

    def _check_fitted(self) -> None:
        if self.needs_fit:
            raise RuntimeError(
                f'{self.fitted}={self.parameter!r} is found from landmarks: call fit(rows) first and use '
                'its result.'
            )

    def _gamma(self, x: Tensor) -> float:
        self._check_fitted()
        return 1 / x.shape[1] if self.gamma is None else self.gamma


@dataclass(frozen=True)
class Linear(Kernel):
    """``k(x, y) = x^T y``, or ``x^T y / scale``.

    Args:
        scale: A number > 0, None for 1, or ``'landmarks'``, the mean of ``|l|^2`` over the landmarks l
            of each network, found at every refresh. The kernel of either network is then in units of
            its landmarks' own, and features times a constant change nothing. (``gamma='median'`` and
            ``'scale'`` of other kernels do this, too.) Defaults to None.

    Raises:
        ValueError: If it is anything else.

    Example:
        >>> Linear()(torch.tensor([[1., 2.]]), torch.tensor([[3., 4.], [0., 1.]]))
        tensor([[11.,  2.]])
        >>> Linear(scale='landmarks').fit(torch.tensor([[1., 1.], [2., 2.]]))
        Linear(scale=5.0)
    """

    scale: float | str | None = None
    explicit: ClassVar[bool] = True
    fitted: ClassVar[str] = 'scale'
    rules: ClassVar[tuple[str, ...]] = ('landmarks',)
    homogeneous: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.scale, str):
            check_choice('scale', self.scale, self.rules)
        elif self.scale is not None and not isinstance(self.scale, Tensor):
            check_number('scale', self.scale, remedy="or write 'landmarks', or None for 1")

    __repr__ = brief_repr

    def map(self, x: Tensor) -> Tensor:
        """The features themselves, in units of the root of the scale."""
        self._check_fitted()
        return x if self.scale is None else x / self.scale**0.5

    def _find(self, rows: Tensor) -> float | Tensor:
        found = rows.square().sum(1).mean()
        if rows.device.type != 'cpu':  # stays there: landmarks may be new in every iteration
            return torch.where(found > 0, found, 1)
        return found.item() or 1.0


@dataclass(frozen=True)
class Cosine(Kernel):
    """``k(x, y) = x^T y / (|x| |y|)``; 0 where a row is 0.

    Example:
        >>> Cosine()(torch.tensor([[3., 4.]]), torch.tensor([[3., 4.], [0., 0.]]))
        tensor([[1., 0.]])
    """

    explicit: ClassVar[bool] = True

    @property
    def scale_free(self) -> bool:
        """True: lengths are divided out."""
        return True

    def map(self, x: Tensor) -> Tensor:
        """The features scaled to unit length."""
        return F.normalize(x, dim=1)


@dataclass(frozen=True)
class Polynomial(Kernel):
    """``k(x, y) = (gamma x^T y + coef0)^degree``.

    Args:
        degree: Integer >= 1. Defaults to 3.
        gamma: Number > 0, None for 1 / d, or ``'scale'``. Defaults to None.
        coef0: Number >= 0 (less would not be positive semi-definite). Defaults to 1.

    Raises:
        ValueError: If one is anything else.
    """

    degree: int = 3
    gamma: float | str | None = None
    coef0: float = 1.0
    rules: ClassVar[tuple[str, ...]] = ('scale',)

    def __post_init__(self) -> None:
        check_integer('degree', self.degree)
        check_number(
            'coef0', self.coef0, low_included=True, remedy='a negative one is no positive kernel'
        )
        self._check_gamma()

    def values(self, x: Tensor, y: Tensor) -> Tensor:
        """See the class."""
        return (self._gamma(x) * (x @ y.T) + self.coef0) ** self.degree


@dataclass(frozen=True)
class Radial(Kernel):
    """Kernels that fall with the distance of two rows. They are 1 where the rows are equal.

    Args:
        gamma: Number > 0, None for 1 / d, ``'median'`` or ``'scale'``. Defaults to None.

    Raises:
        ValueError: If it is anything else.
    """

    gamma: float | str | None = None
    rules: ClassVar[tuple[str, ...]] = ('median', 'scale')

    def __post_init__(self) -> None:
        self._check_gamma()


@dataclass(frozen=True)
class RBF(Radial):
    """``k(x, y) = exp(-gamma |x - y|^2)``, the Gaussian kernel; see :class:`Radial`."""

    def values(self, x: Tensor, y: Tensor) -> Tensor:
        """See the class."""
        return torch.exp(-self._gamma(x) * squared_distances(x, y))

    def _median_gamma(self, rows: Tensor) -> float:
        distance = _median_distance(rows, p=2)
        return 1 / (2 * distance**2) if distance else 1.0


@dataclass(frozen=True)
class Laplacian(Radial):
    """``k(x, y) = exp(-gamma |x - y|_1)``; see :class:`Radial`."""

    def values(self, x: Tensor, y: Tensor) -> Tensor:
        """See the class."""
        return torch.exp(-self._gamma(x) * torch.cdist(x, y, p=1))

    def _median_gamma(self, rows: Tensor) -> float:
        distance = _median_distance(rows, p=1)
        return 1 / distance if distance else 1.0


KERNELS: Table[Kernel] = Table(
    'kernel',
    {
        'linear': Linear,
        'cosine': Cosine,
        'polynomial': Polynomial,
        'rbf': RBF,
        'laplacian': Laplacian,
    },
)
build_kernel = KERNELS.build


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances, shape (N, M).

    By ``|x|^2 + |y|^2 - 2 x^T y``, of rows moved to the middle of ``y``: far from the origin these
    terms would cancel.
    """
    middle = y.detach().mean(0)
    x, y = x - middle, y - middle
    products = torch.addmm(y.square().sum(1), x, y.T, alpha=-2)
    return (products + x.square().sum(1, keepdim=True)).clamp_min(0)


def _scale_gamma(rows: Tensor) -> float:
    variance = rows.var(unbiased=False).item()
    # The variance of constant features is not 0 but the rounding of their mean.
    rounding = torch.finfo(rows.dtype).eps * rows.square().mean().item()
    return 1 / (rows.shape[1] * variance) if variance > rounding else 1.0


def _median_distance(rows: Tensor, p: int) -> float:
    """Median over pairs of rows; see :meth:`Kernel.fit` for what stands in for 0."""
    if len(rows) > MEDIAN_ROWS:
        spread = torch.linspace(0, len(rows) - 1, MEDIAN_ROWS, device=rows.device)
        rows = rows[spread.round().long()]
    # Matrix products would not give exactly 0 for equal rows.
    distances = torch.cdist(rows, rows, p=p, compute_mode='donot_use_mm_for_euclid_dist')
    pairs = distances[torch.ones_like(distances, dtype=torch.bool).triu(1)]
    if not len(pairs):
        return 0.0
    return pairs.quantile(0.5).item() or pairs.mean().item()
