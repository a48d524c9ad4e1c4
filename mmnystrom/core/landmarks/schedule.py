"""What landmarks are used for, when they are refreshed, and what a strategy gives for a refresh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from ..checks import check_flag, check_integer, check_number
from ..kernels import Kernel, Linear


@dataclass(frozen=True)
class Refresh:
    """When landmarks are refreshed, and how much of the old ones stays.

    Args:
        by_epoch: Whether ``interval`` counts epochs, or iterations. Defaults to True.
        interval: Epochs or iterations between refreshes. Features are collected over the last epoch
            before a refresh, or over all iterations since the last. Defaults to 1.
        momentum: Share of a landmark that a refresh keeps, in [0, 1). Defaults to 0.

    Raises:
        ValueError: If one is anything else.
    """

    by_epoch: bool = True
    interval: int = 1
    momentum: float = 0.0

    def __post_init__(self) -> None:
        check_flag('refresh: by_epoch', self.by_epoch)
        check_integer('refresh: interval', self.interval)
        check_number('refresh: momentum', self.momentum, high=1, low_included=True)

    @classmethod
    def of(cls, arguments: dict | None) -> Refresh:
        """The schedule that a config asks for.

        Args:
            arguments: Arguments of the class. None: its defaults.

        Raises:
            ValueError: If they make no sense.
        """
        if arguments is not None and not isinstance(arguments, dict):
            raise ValueError(
                f'refresh={arguments!r} must be a dict, such as dict(by_epoch=False, interval=100).'
            )
        try:
            return cls(**(arguments or {}))
        except TypeError as error:
            raise ValueError(
                f'refresh={arguments!r}: {error}. It takes by_epoch, interval and momentum.'
            ) from None


@dataclass(frozen=True)
class Use:
    """What landmarks are used for. The loss passes it when it builds them.

    Args:
        kernel: The kernel that features and landmarks enter. Defaults to the linear one.
        takes_root: Whether every refresh takes a root of their kernel matrix. Defaults to False.

    Landmarks that would be new in every iteration are new once an epoch if every refresh takes a root,
    or looks for the gamma of a kernel in them.
    """

    kernel: Kernel = Linear()
    takes_root: bool = False

    @property
    def every_iteration(self) -> Refresh:
        """The schedule of landmarks that cost nothing to refresh."""
        # A linear kernel's scale is a mean of squares, which costs nothing.
        finds_gamma = self.kernel.needs_fit and not self.kernel.explicit
        return Refresh() if self.takes_root or finds_gamma else Refresh(by_epoch=False)


class Selection(NamedTuple):
    """New landmarks.

    Args:
        student: Shape (m, d_S).
        teacher: Shape (m, d_T).
        weight: How many images each row stands for, shape (m,), 0 for a row that is not given. None: a
            sample each, all of them given.
        continues: Whether row j stands for the same thing as before, so that the two can be compared.
    """

    student: Tensor
    teacher: Tensor
    weight: Tensor | None = None
    continues: bool = True
