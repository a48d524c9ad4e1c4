"""What every landmark strategy shares: the landmarks, when they are refreshed, how they change."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..checks import check_choice, check_flag, check_integer, check_number
from ..kernels import Kernel, Linear
from ..state import TensorState, check_complete, check_finite


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


#: The default of landmarks that cost nothing to refresh.
EVERY_ITERATION = Refresh(by_epoch=False)


class Landmarks(TensorState):
    """Paired landmarks of two networks: row j of either stands for the same thing.

    A strategy collects from the features of every batch (:meth:`observe`), what the ranks have
    collected is brought together (:meth:`synchronize`), and :meth:`commit` makes landmarks of it: the
    one place that writes them. Widths are taken from the first features seen.

    Args:
        num_landmarks: m, or None where the strategy finds it itself.
        refresh: Arguments of :class:`Refresh`. Defaults to None, its defaults.
        init: ``'pass'`` for one pass over the training data before the first iteration, None to have
            no landmarks before the first refresh. Defaults to None.

    Attributes:
        student (Tensor | None): The student's landmarks, shape (m, d_S), float32. A landmark that does
            not exist is a row of zeros in both networks.
        teacher (Tensor | None): The teacher's landmarks, shape (m, d_T), float32.
        seen (Tensor | None): Whether landmark j exists, shape (m,), bool.
        weight (Tensor | None): How many images landmark j stood for when it was last made, shape (m,),
            float32; 1 for a sample.
        refreshes (Tensor): Number of commits so far, scalar.
        gamma (Tensor | None): The kernel's gamma (or scale) for student and teacher, found at the last
            commit, if the kernel asks for one; shape (2,), float64.
        drift (Tensor | None): How far the last commit moved the landmarks that existed before,
            ``||L - L_old||_F / ||L_old||_F``, for student and teacher; shape (2,), float64.
        kernel (Kernel): The kernel they serve; the linear one unless set.
        version (int): Changes whenever the landmarks do.
        in_use (int): How many of them exist.
        stream (int): A number of its own for each collector, where what several of them collect is
            brought together; 0 unless set.

    Raises:
        ValueError: If an argument makes no sense.
    """

    #: Name in the table of strategies; it is in the checkpoint too.
    strategy: ClassVar[str] = ''
    #: What :meth:`observe` takes beside the features: 'labels', 'indices', 'weights' or None.
    needs: str | None = None
    #: Whether a refresh keeps the landmarks it has nothing new for.
    keeps_missing = True
    #: Whether a commit leaves a part of what was collected; one collector alone may go on with it.
    carries_over = False
    #: Why an average with the landmarks before makes no sense, or None where it does.
    no_momentum: str | None = None

    _DEVICE_STATE = ('student', 'teacher', 'seen', 'weight')
    _HOST_STATE = ('refreshes', 'gamma', 'drift')
    _LAYOUT: ClassVar[dict[str, tuple]] = dict(
        student=('m', 'd_S'),
        teacher=('m', 'd_T'),
        seen=('m',),
        weight=('m',),
        refreshes=(),
        gamma=(2,),
        drift=(2,),
        strategy=('letters',),
    )

    def __init__(
        self, num_landmarks: int | None, refresh: dict | None = None, init: str | None = None
    ) -> None:
        super().__init__()
        if num_landmarks is not None:
            check_integer('num_landmarks', num_landmarks)
        if refresh is not None and not isinstance(refresh, dict):
            raise ValueError(
                f'refresh={refresh!r} must be a dict, such as dict(by_epoch=False, interval=100).'
            )
        check_choice('init', init, (None, 'pass'))
        self.num_landmarks = num_landmarks
        try:
            self.refresh = Refresh(**(refresh or {}))
        except TypeError as error:
            raise ValueError(
                f'refresh={refresh!r}: {error}. It takes by_epoch, interval and momentum.'
            ) from None
        self.init = init
        if self.refresh.momentum and self.no_momentum:
            raise ValueError(
                f'refresh: momentum={self.refresh.momentum} makes no sense here: {self.no_momentum}. '
                'Leave momentum out.'
            )
        self.refreshes = torch.zeros((), dtype=torch.long)
        self.kernel: Kernel = Linear()
        self.stream = 0
        self.version = 0
        self.in_use = 0

    def extra_repr(self) -> str:
        return f'num_landmarks={self.num_landmarks}'

    @property
    def ready(self) -> bool:
        """Whether any landmark exists."""
        return self.in_use > 0

    @property
    def exist_at_once(self) -> bool:
        """Whether there are landmarks in the first iteration of a run."""
        return self.init == 'pass'

    @property
    def refreshes_itself(self) -> bool:
        """Whether :meth:`observe` commits, so that nobody else need."""
        return False

    def observe(self, s_feature: Tensor, t_feature: Tensor, side=None) -> None:
        """Collect from a batch.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            side: What :attr:`needs` names.
        """
        raise NotImplementedError

    def select(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """New landmarks from what was collected; see :meth:`commit`.

        Returns:
            The student's (m, d_S), the teacher's (m, d_T), and how many images each of these rows
            stands for, (m,), 0 where a row is not meant; None if nothing was collected.
        """
        raise NotImplementedError

    def synchronize(
        self,
        all_reduce: Callable[[Tensor], None],
        all_gather: Callable[[Tensor], list[Tensor]],
    ) -> None:
        """Bring together what several collectors have: every one then holds everything.

        Args:
            all_reduce: Adds up a tensor over all collectors, in place.
            all_gather: Gives the tensors, of one shape, of all collectors, in the same order to each.
        """

    def discard_pending(self) -> None:
        """Forget what was collected since the last commit."""

    def begin_anew(self) -> None:
        """Forget what a commit has used up."""
        self.discard_pending()

    def hand_over(self) -> None:
        """Forget what another collector has taken over by :meth:`synchronize`."""
        self.discard_pending()

    def complaint(self) -> str | None:
        """What there is to say of the features observed since the last commit, once.

        May wait for the device.

        Raises:
            ValueError: If labels make no sense.
        """
        return None

    @torch.no_grad()
    def commit(self) -> None:
        """Make landmarks of what was collected, find the kernel's gamma in them, and begin anew.

        Warns, with a UserWarning, of landmarks that could not be had.
        """
        found = self.select()
        self.begin_anew()
        if found is None:
            return
        student, teacher, weight = found
        fresh = weight > 0
        if self.student is None:
            self.seen = torch.zeros_like(fresh)
            self.student, self.teacher = torch.zeros_like(student), torch.zeros_like(teacher)
        if self.weight is None:  # also of a checkpoint that has none
            self.weight = self.seen.float()
        self.weight = torch.where(fresh, weight.float(), self.weight * self.keeps_missing)
        both = self.seen & fresh
        drift = []
        for name, new in (('student', student), ('teacher', teacher)):
            old = getattr(self, name)
            new = new.to(old.dtype)
            if self.refresh.momentum:
                new = torch.where(both[:, None], old.lerp(new, 1 - self.refresh.momentum), new)
            rest = old if self.keeps_missing else torch.zeros_like(old)
            setattr(self, name, torch.where(fresh[:, None], new, rest))
            drift.append((new - old)[both].norm() / old[both].norm())
        self.drift = torch.stack(drift).double().cpu() if both.any() else None
        self.seen = self.seen | fresh if self.keeps_missing else fresh
        self.refreshes = self.refreshes + 1
        self.changed()
        if self.kernel.needs_fit and self.ready:
            found = [self.kernel.fit(rows).parameter for rows in self.rows()]
            self.gamma = torch.tensor(found, dtype=torch.float64)

    def rows(self) -> tuple[Tensor, Tensor]:
        """The landmarks that exist: the student's (m', d_S), the teacher's (m', d_T)."""
        if self.in_use == len(self.seen):
            return self.student, self.teacher
        return self.student[self.seen], self.teacher[self.seen]

    def weights(self) -> Tensor | None:
        """How many images each landmark that exists stands for, (m',); None if that is not known."""
        if self.weight is None or self.in_use == len(self.seen):
            return self.weight
        return self.weight[self.seen]

    def fitted_kernels(self) -> tuple[Kernel, Kernel]:
        """The kernel with what was found for the student, and for the teacher."""
        if not self.kernel.needs_fit:
            return self.kernel, self.kernel
        if self.gamma is None:  # of a checkpoint that was written for another kernel
            return tuple(self.kernel.fit(rows) for rows in self.rows())
        return tuple(self.kernel.with_parameter(found) for found in self.gamma.tolist())

    def committed(self) -> list[Tensor]:
        """The tensors of the last commit, for those who see to it that every rank has the same."""
        tensors = (self.student, self.teacher, self.seen, self.weight, self.gamma, self.drift)
        return [tensor for tensor in tensors if tensor is not None]

    def check_widths(self, s_feature: Tensor, t_feature: Tensor) -> None:
        """Compare the features' widths with the landmarks'.

        Raises:
            ValueError: If one differs; with both widths.
        """
        for name, feature in (('student', s_feature), ('teacher', t_feature)):
            landmarks = getattr(self, name)
            if landmarks is not None and landmarks.shape[1] != feature.shape[1]:
                raise ValueError(
                    f"the {name}'s landmarks have width {landmarks.shape[1]} and its features width "
                    f'{feature.shape[1]}. {self._width_remedy.format(name=name)}'
                )

    _width_remedy = (
        'Landmarks that come from a checkpoint must be of the same layer and network: start without '
        'that checkpoint, or record the layer it had.'
    )

    def saved_state(self) -> dict[str, Tensor]:
        """The state, with the name of the strategy."""
        letters = torch.tensor(list(self.strategy.encode()), dtype=torch.uint8)
        return {**super().saved_state(), 'strategy': letters}

    def follow(self, device: torch.device) -> None:
        """Move to the device of the features."""
        if self._device() not in (None, device):
            self._move(lambda tensor: tensor.to(device))

    def restore(self, state: dict[str, Tensor], prefix: str) -> None:
        """Take over the state of a checkpoint.

        Raises:
            ValueError: If it is incomplete, misshapen or not finite, or if it is of another strategy,
                number of landmarks, or width.
        """
        if 'strategy' in state:  # the first checkpoints of 0.1.0 have no name
            self._check_strategy(state['strategy'], prefix)
        if not {'student', 'teacher', 'seen'}.isdisjoint(state):
            check_complete(state, ('student', 'teacher', 'seen', 'refreshes'), prefix)
            self._check_number(len(state['student']), prefix)
            self.check_widths(state['student'], state['teacher'])
        super().restore(state, prefix)
        check_finite(self, ('student', 'teacher', 'weight', 'gamma'), prefix)
        if self.refreshes is None:
            self.refreshes = torch.zeros((), dtype=torch.long)
        self.changed()

    def _check_strategy(self, letters: Tensor, prefix: str) -> None:
        found = bytes(letters.to(torch.uint8).tolist()).decode(errors='replace')
        if found != self.strategy:
            raise ValueError(
                f'the checkpoint holds landmarks of the strategy {found!r} in {prefix}* and the config '
                f'asks for type={self.strategy!r}: row j does not stand for the same thing. Resume with '
                f'type={found!r}, or start without that checkpoint.'
            )

    def _move(self, fn: Callable[[Tensor], Tensor]) -> None:
        super()._move(fn)
        self.version += 1  # what was made of the landmarks is still on the other device

    def _check_number(self, found: int, prefix: str) -> None:
        if found != self.num_landmarks and self.num_landmarks is not None:
            raise ValueError(
                f'the checkpoint holds {found} landmarks in {prefix}student and the config asks for '
                f'num_landmarks={self.num_landmarks}: they are of different runs. Resume with '
                f'num_landmarks={found}, or start without that checkpoint.'
            )

    def changed(self) -> None:
        """Take note that the landmarks have changed."""
        self.version += 1
        self.in_use = 0 if self.seen is None else int(self.seen.sum())

    def _warn_fewer(self, have: int, of: str) -> None:
        warnings.warn(
            f'{have} landmarks are used in the place of num_landmarks={self.num_landmarks}: there are no '
            f'more {of}.',
            UserWarning,
            stacklevel=3,
        )
