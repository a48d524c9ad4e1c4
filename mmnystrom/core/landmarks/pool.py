"""A uniform sample of the feature pairs of an epoch, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..checks import check_integer
from ..features import finite_samples
from ..state import check_complete
from .base import Landmarks
from .schedule import Use


class Reservoir(Landmarks):
    """Landmarks drawn from a reservoir of feature pairs.

    Every sample offered gets a random key, and the ``pool_size`` samples with the smallest keys stay:
    a uniform sample without replacement, which the smallest keys of several reservoirs together are
    again. The keys are drawn on the CPU, so that no batch waits for the device. Their generator depends
    only on ``seed``, :attr:`collector_id`, the refresh and the number of samples before: a resumed run
    draws as one that was not interrupted.

    Args:
        num_landmarks: m.
        pool_size: Feature pairs kept, at least m. Defaults to None, 4 m but at least 2048. Memory:
            4 pool_size (d_S + d_T) bytes.
        seed: Seed of the reservoir and of the draw. Defaults to 0.
        refresh: See :class:`~mmnystrom.core.landmarks.Landmarks`. Defaults to None.
        init: See there. Defaults to None.

    Attributes:
        pool_student (Tensor | None): The student's features, shape (pool_size, d_S), float32.
        pool_teacher (Tensor | None): The teacher's, shape (pool_size, d_T), float32.
        pool_keys (Tensor | None): The keys, shape (pool_size,), float64, infinite where the pool is
            empty.
        offered (Tensor | None): Samples offered since the last commit, scalar.

    Raises:
        ValueError: If an argument makes no sense, or the pool is smaller than m.
    """

    keeps_missing: ClassVar[bool] = False

    def __init__(
        self,
        num_landmarks: int,
        pool_size: int | None = None,
        seed: int = 0,
        refresh: dict | None = None,
        init: str | None = None,
        use: Use | None = None,
    ) -> None:
        check_integer('num_landmarks', num_landmarks)
        check_integer('seed', seed, 0)
        if pool_size is None:
            pool_size = max(4 * num_landmarks, 2048)
        check_integer('pool_size', pool_size)
        if pool_size < num_landmarks:
            raise ValueError(
                f'pool_size={pool_size} is smaller than num_landmarks={num_landmarks}, which are drawn '
                f'from it: give at least {num_landmarks}; 4 times that is usual.'
            )
        super().__init__(num_landmarks, refresh, init, use)
        self.pool_size = pool_size
        self.seed = seed
        self.add_state('pool_student', ('p', 'd_S'))
        self.add_state('pool_teacher', ('p', 'd_T'))
        self.add_state('pool_keys', ('p',), on_host=True)
        self.add_state('offered', (), on_host=True)
        self._rejected = 0

    def extra_repr(self) -> str:
        return f'num_landmarks={self.num_landmarks}, pool_size={self.pool_size}, seed={self.seed}'

    @property
    def filled(self) -> int:
        """Feature pairs in the pool."""
        return 0 if self.pool_keys is None else int(self.pool_keys.isfinite().sum())

    @torch.no_grad()
    def observe(self, s_feature: Tensor, t_feature: Tensor, extra: None = None) -> None:
        """Offer a batch to the pool.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            extra: Nothing.

        Raises:
            ValueError: If a width differs from the landmarks'.
        """
        self.check_widths(s_feature, t_feature)
        self.follow(s_feature.device)
        if self.pool_keys is None:
            self._allocate(s_feature, t_feature)
        generator = self.generator(1, self.collector_id, int(self.offered))
        admitted = self._admit(generator.random(len(s_feature)))
        self.offered += len(s_feature)
        if len(admitted[0]):
            slots, chosen = (
                torch.from_numpy(x).to(s_feature.device, non_blocking=True) for x in admitted
            )
            self.pool_student.index_copy_(0, slots, s_feature[chosen].float())
            self.pool_teacher.index_copy_(0, slots, t_feature[chosen].float())

    def synchronize(
        self,
        all_reduce: Callable[[Tensor], None],
        all_gather: Callable[[Tensor], list[Tensor]],
    ) -> None:
        """Put the pools together and keep the smallest keys."""
        if self.pool_keys is None:
            return
        device = self.pool_student.device
        keys = torch.cat([part.cpu() for part in all_gather(self.pool_keys.clone())])
        offered = sum(int(part) for part in all_gather(self.offered.clone()))
        order = keys.argsort(stable=True)[: self.pool_size]
        for name in ('pool_student', 'pool_teacher'):
            parts = torch.cat([part.to(device) for part in all_gather(getattr(self, name))])
            setattr(self, name, parts[order.to(device)])
        self.pool_keys, self.offered = keys[order], torch.tensor(offered)

    def discard_pending(self) -> None:
        """Empty the pool."""
        if self.pool_keys is not None:
            self.pool_keys.fill_(float('inf'))
            self.offered = torch.zeros((), dtype=torch.long)

    def clear_synced(self) -> None:
        """Empty the pool and keep counting, so that no key is drawn twice."""
        offered = self.offered
        super().clear_synced()
        self.offered = offered

    def collection_warning(self) -> str | None:
        """A warning about features of the last commit that were not finite, or None."""
        if not self._rejected:
            return None
        return (
            f'{self._rejected} of the feature pairs in the pool were not finite and could not become '
            'landmarks. Said once; look at the learning rate, the loss scale, or the teacher checkpoint.'
        )

    def pool(self) -> tuple[Tensor, Tensor]:
        """The feature pairs in the pool that are finite, ordered by key: (P, d_S) and (P, d_T)."""
        order = self.pool_keys.argsort(stable=True)[: self.filled].to(self.pool_student.device)
        student, teacher = self.pool_student[order], self.pool_teacher[order]
        finite = finite_samples(student, teacher)
        self._rejected = int((~finite).sum())
        return student[finite], teacher[finite]

    def generator(self, *purpose: int) -> np.random.Generator:
        """A generator that depends on the seed, the refresh and the purpose alone."""
        return np.random.default_rng([self.seed, int(self.refreshes), *purpose])

    def saved_state(self) -> dict[str, Tensor]:
        """The state. Of the pool, only the filled part."""
        state = super().saved_state()
        if not self.filled:
            names = ('pool_student', 'pool_teacher', 'pool_keys', 'offered')
            return {name: tensor for name, tensor in state.items() if name not in names}
        keep = self.pool_keys.isfinite().nonzero().flatten()
        state['pool_keys'] = state['pool_keys'][keep]
        for name in ('pool_student', 'pool_teacher'):
            state[name] = state[name][keep.to(state[name].device)]
        return state

    def restore(self, state: dict[str, Tensor], prefix: str) -> None:
        """Take over the state of a checkpoint. Of a larger pool, the smallest keys are kept."""
        state = dict(state)
        pool = ('pool_keys', 'pool_student', 'pool_teacher', 'offered')
        if not set(pool).isdisjoint(state):
            check_complete(state, pool, prefix)
            order = state['pool_keys'].argsort(stable=True)[: self.pool_size]
            empty = self.pool_size - len(order)
            for name, fill in (('pool_student', 0), ('pool_teacher', 0), ('pool_keys', float('inf'))):
                tensor = state[name][order.to(state[name].device)]
                state[name] = torch.cat([tensor, tensor.new_full((empty, *tensor.shape[1:]), fill)])
        super().restore(state, prefix)

    def _allocate(self, s_feature: Tensor, t_feature: Tensor) -> None:
        for name, feature in (('pool_student', s_feature), ('pool_teacher', t_feature)):
            pool = torch.zeros(self.pool_size, feature.shape[1], device=feature.device)
            setattr(self, name, pool)
        self.pool_keys = torch.full((self.pool_size,), float('inf'), dtype=torch.float64)
        self.offered = torch.zeros((), dtype=torch.long)

    def _admit(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Write the keys that enter the pool. Returns their slots, and the samples they belong to."""
        pool = self.pool_keys.numpy()  # shares the memory
        low = np.flatnonzero(keys < pool.max())  # few, once the pool is full
        both = np.concatenate([pool, keys[low]])
        stays = np.zeros(len(both), dtype=bool)
        stays[np.argpartition(both, len(pool) - 1)[: len(pool)]] = True
        slots, chosen = np.flatnonzero(~stays[: len(pool)]), low[stays[len(pool) :]]
        pool[slots] = keys[chosen]
        return slots, chosen
