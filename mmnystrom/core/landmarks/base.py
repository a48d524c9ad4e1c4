"""The base class of landmark strategies: paired landmarks, and the one function that writes them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from ..checks import check_choice, check_integer
from ..state import State, check_complete, check_finite
from .schedule import Refresh, Selection, Use


class Landmarks(State):
    """Paired landmarks of two networks: row j of either stands for the same thing.

    A strategy collects from the features of every batch (:meth:`observe`) and makes new landmarks of
    them (:meth:`select`). Only :meth:`commit` writes landmarks. It always writes new tensors, so that
    ``is`` tells whether they have changed. Widths are taken from the first features.

    Args:
        num_landmarks: m, or None where the strategy finds it itself.
        refresh: Arguments of :class:`Refresh`. Defaults to None, its defaults.
        init: ``'pass'`` for one pass over the training data before the first iteration, None to have
            no landmarks before the first refresh. Defaults to None.
        use: What they are used for. Defaults to a linear kernel without a root.

    Attributes:
        student (Tensor | None): The student's landmarks, shape (m, d_S), float32. A landmark that does
            not exist is a row of zeros in both networks.
        teacher (Tensor | None): The teacher's landmarks, shape (m, d_T), float32.
        exists (Tensor | None): Mask of rows that hold a landmark, shape (m,), bool.
        weight (Tensor | None): How many images landmark j stood for when it was last made, shape (m,),
            float32; 1 for a sample.
        refreshes (Tensor): Number of commits so far, scalar.
        drift (Tensor | None): How far the last commit moved the landmarks that existed before,
            ``||L - L_old||_F / ||L_old||_F``, for student and teacher; shape (2,), float64. Landmarks
            that are new in every iteration have none.
        num_active (int): How many landmarks exist.
        collector_id (int): A number of its own for each collector, where what several of them collect
            is brought together; 0 unless set.

    Raises:
        ValueError: If an argument makes no sense.
    """

    #: Name in the table of strategies; it is in the checkpoint too.
    strategy: ClassVar[str] = ''
    #: What :meth:`observe` takes beside the features: 'labels', 'indices', 'weights' or None.
    needs: ClassVar[str | None] = None
    #: Whether it also takes ``finite``, what :func:`~mmnystrom.core.finite_samples` says of the features,
    #: shape (N,), if that is known already.
    takes_finite: ClassVar[bool] = False
    #: Whether a refresh keeps the landmarks it has nothing new for.
    keeps_missing: ClassVar[bool] = True
    #: Whether all collectors collect the same. The loss then refreshes without synchronizing.
    local: ClassVar[bool] = False
    #: Why an average with the landmarks before makes no sense, or None where it does.
    no_momentum: ClassVar[str | None] = None
    #: Whether a commit keeps a part of what was collected. Only collector 0 may keep it then.
    carries_over = False

    RENAMED: ClassVar[dict[str, str | None]] = {'seen': 'exists', 'gamma': None}

    def __init__(
        self,
        num_landmarks: int | None,
        refresh: dict | None = None,
        init: str | None = None,
        use: Use | None = None,
    ) -> None:
        super().__init__()
        if num_landmarks is not None:
            check_integer('num_landmarks', num_landmarks)
        check_choice('init', init, (None, 'pass'))
        self.num_landmarks = num_landmarks
        self.refresh = Refresh.of(refresh)
        self.init = init
        self.use = use or Use()
        if self.refresh.momentum and self.no_momentum:
            raise ValueError(
                f'refresh: momentum={self.refresh.momentum} makes no sense here: {self.no_momentum}. '
                'Leave momentum out.'
            )
        self.add_state('student', ('m', 'd_S'))
        self.add_state('teacher', ('m', 'd_T'))
        self.add_state('exists', ('m',))
        self.add_state('weight', ('m',))
        self.add_state('refreshes', (), on_host=True)
        self.add_state('drift', (2,), on_host=True)
        self.refreshes = torch.zeros((), dtype=torch.long)
        self.collector_id = 0
        self.num_active = 0

    def extra_repr(self) -> str:
        return f'num_landmarks={self.num_landmarks}'

    @property
    def ready(self) -> bool:
        """Whether any landmark exists."""
        return self.num_active > 0

    @property
    def exist_at_once(self) -> bool:
        """Whether there are landmarks in the first iteration of a run."""
        return self.init == 'pass'

    @property
    def per_iteration(self) -> bool:
        """Whether landmarks are new in every iteration. A commit does not wait for the device then."""
        return not self.refresh.by_epoch and self.refresh.interval == 1

    def observe(self, s_feature: Tensor, t_feature: Tensor, extra=None) -> None:
        """Collect from a batch.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            extra: What :attr:`needs` names.
        """
        raise NotImplementedError

    def select(self) -> Selection | None:
        """Make landmarks of what was collected, without writing them.

        Returns:
            None if nothing was collected.
        """
        raise NotImplementedError

    def synchronize(
        self,
        all_reduce: Callable[[Tensor], None],
        all_gather: Callable[[Tensor], list[Tensor]],
    ) -> None:
        """Bring together what several collectors have collected. Each holds everything afterwards.

        Args:
            all_reduce: Adds up a tensor over all collectors, in place.
            all_gather: Gives the tensors, of one shape, of all collectors, in the same order to each.
        """
        self.reduce_sums(all_reduce)

    def discard_pending(self) -> None:
        """Forget what was collected since the last commit."""
        self.reset_sums()

    def begin_anew(self) -> None:
        """Forget what a commit has used up."""
        self.discard_pending()

    def clear_synced(self) -> None:
        """Forget what collector 0 has taken over by :meth:`synchronize`; collector 0 keeps it."""
        if self.collector_id:
            self.discard_pending()

    def collection_warning(self) -> str | None:
        """A warning about the features observed since the last commit, or None. May wait for the device.

        Raises:
            ValueError: If labels make no sense.
        """
        return None

    @torch.no_grad()
    def commit(
        self,
        all_reduce: Callable[[Tensor], None] | None = None,
        all_gather: Callable[[Tensor], list[Tensor]] | None = None,
        broadcast: Callable[[Tensor], None] | None = None,
    ) -> None:
        """Make landmarks of what was collected. No other function writes landmarks.

        Warns, with a UserWarning, of landmarks that could not be had.

        Args:
            all_reduce: See :meth:`synchronize`. Defaults to None: there is one collector.
            all_gather: See there. Defaults to None.
            broadcast: Replaces a tensor by collector 0's, in place. Two machines can come to different
                clusterings. Defaults to None.
        """
        if all_reduce is not None:
            self.synchronize(all_reduce, all_gather)
        found = self.select()
        self.begin_anew()
        if self.carries_over:
            self.clear_synced()
            broadcast = None  # all collectors divide the same sums
        if found is not None:
            self._write(found, broadcast)
            self.refreshes = self.refreshes + 1

    def _write(self, found: Selection, broadcast: Callable[[Tensor], None] | None = None) -> None:
        new = {name: getattr(found, name).float() for name in ('student', 'teacher')}
        weight = found.weight
        weight = torch.ones_like(new['student'][:, 0]) if weight is None else weight.float()
        if broadcast is not None:
            for tensor in (*new.values(), weight):
                broadcast(tensor)
        fresh = weight > 0
        old = {name: getattr(self, name) for name in new}
        if self.exists is None:
            old = {name: torch.zeros_like(rows) for name, rows in new.items()}
            exists, before = torch.zeros_like(fresh), torch.zeros_like(weight)
        else:
            # A checkpoint of before 0.2 has no weights.
            exists, before = self.exists, self.exists.float() if self.weight is None else self.weight
        settled = self.keeps_missing and self.num_active == len(fresh)
        both = exists & fresh if found.continues else torch.zeros_like(fresh)
        if self.refresh.momentum:
            share = (self.refresh.momentum * both)[:, None]
            new = {name: torch.lerp(rows, old[name], share) for name, rows in new.items()}
        drift = None
        if not self.per_iteration and both.any():
            drift = torch.stack([_drift(new[name], old[name], both) for name in new]).double().cpu()
        for name, rows in new.items():
            rest = old[name] if self.keeps_missing else torch.zeros_like(rows)
            setattr(self, name, torch.where(fresh[:, None], rows, rest))
        self.weight = torch.where(fresh, weight, before * self.keeps_missing)
        self.exists = exists | fresh if self.keeps_missing else fresh
        self.drift = drift
        if not settled:
            self.num_active = int(self.exists.sum())

    def active(self) -> tuple[Tensor, Tensor]:
        """The landmarks that exist: the student's (m', d_S), the teacher's (m', d_T).

        Raises:
            RuntimeError: If there are none yet.
        """
        if self.exists is None:
            raise RuntimeError('there are no landmarks yet: call observe(), and commit() or refresh().')
        if self.num_active == len(self.exists):
            return self.student, self.teacher
        return self.student[self.exists], self.teacher[self.exists]

    def active_weight(self) -> Tensor | None:
        """How many images each landmark that exists stands for, (m',); None if that is not known."""
        if self.weight is None or self.num_active == len(self.exists):
            return self.weight
        return self.weight[self.exists]

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

    def follow(self, device: torch.device) -> None:
        """Move to the device of the features."""
        if self._device() not in (None, device):
            self._move(lambda tensor: tensor.to(device))

    def saved_state(self) -> dict[str, Tensor]:
        """The state, with the name of the strategy."""
        letters = torch.tensor(list(self.strategy.encode()), dtype=torch.uint8)
        return {**super().saved_state(), 'strategy': letters}

    def layout(self) -> dict[str, tuple[int | str, ...]]:
        """See :class:`State`; with the name of the strategy."""
        return {**super().layout(), 'strategy': ('letters',)}

    def restore(self, state: dict[str, Tensor], prefix: str) -> None:
        """Take over the state of a checkpoint; see :class:`State`."""
        super().restore(state, prefix)
        if self.refreshes is None:
            self.refreshes = torch.zeros((), dtype=torch.long)
        self.num_active = 0 if self.exists is None else int(self.exists.sum())

    def check_state(self, state: dict[str, Tensor], prefix: str) -> None:
        """Refuse a state that does not fit.

        Raises:
            ValueError: If it is incomplete or not finite, or if it is of another strategy, number of
                landmarks, or width.
        """
        if 'strategy' in state:  # the first checkpoints of 0.1.0 have no name
            self._check_strategy(state['strategy'], prefix)
        if not {'student', 'teacher', 'exists'}.isdisjoint(state):
            check_complete(state, ('student', 'teacher', 'exists', 'refreshes'), prefix)
            self._check_number(len(state['student']), prefix)
            self.check_widths(state['student'], state['teacher'])
        check_finite(state, ('student', 'teacher', 'weight'), prefix)

    def _check_strategy(self, letters: Tensor, prefix: str) -> None:
        found = bytes(letters.to(torch.uint8).tolist()).decode(errors='replace')
        if found != self.strategy:
            raise ValueError(
                f'the checkpoint holds landmarks of the strategy {found!r} in {prefix}* and the config '
                f'asks for type={self.strategy!r}: row j does not stand for the same thing. Resume with '
                f'type={found!r}, or start without that checkpoint.'
            )

    def _check_number(self, found: int, prefix: str) -> None:
        if found != self.num_landmarks and self.num_landmarks is not None:
            raise ValueError(
                f'the checkpoint holds {found} landmarks in {prefix}student and the config asks for '
                f'num_landmarks={self.num_landmarks}: they are of different runs. Resume with '
                f'num_landmarks={found}, or start without that checkpoint.'
            )

    def _warn_fewer(self, have: int, of: str) -> None:
        warnings.warn(
            f'{have} landmarks are used in the place of num_landmarks={self.num_landmarks}: there are no '
            f'more {of}.',
            UserWarning,
            stacklevel=3,
        )


def _drift(new: Tensor, old: Tensor, both: Tensor) -> Tensor:
    return (new - old)[both].norm() / old[both].norm()
