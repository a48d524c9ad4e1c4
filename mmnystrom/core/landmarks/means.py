"""Landmarks that are mean features."""

from __future__ import annotations

import torch
from torch import Tensor

from ..features import finite_samples, widest_dtype
from ..state import check_complete, check_finite
from .base import Landmarks
from .schedule import Selection, Use

#: A sum of less weight than this is treated as empty.
FADED = 1e-30


#: What :class:`Means` collects in.
SUMS = ('student_sum', 'teacher_sum', 'count')


class Means(Landmarks):
    """Landmarks that are means of features: sums and counts, divided at the commit.

    A landmark without a new feature keeps its value; one that never had any is a row of zeros in both
    networks. Sums and counts are float64 where the device has it. Samples with a feature that is not
    finite, in either network, are left out of both.

    Attributes:
        student_sum (Tensor | None): Sum of the student's features since the last commit, (m, d_S).
        teacher_sum (Tensor | None): The same of the teacher, (m, d_T).
        count (Tensor | None): Weight of the samples in these sums, (m,); fractions for soft labels.
        rejected (Tensor | None): Samples left out since the last commit, scalar.
    """

    def __init__(
        self,
        num_landmarks: int,
        refresh: dict | None = None,
        init: str | None = None,
        use: Use | None = None,
    ) -> None:
        super().__init__(num_landmarks, refresh, init, use)
        self.add_state('student_sum', ('m', 'd_S'), reduce='sum')
        self.add_state('teacher_sum', ('m', 'd_T'), reduce='sum')
        self.add_state('count', ('m',), reduce='sum')
        self.add_state('rejected', (), reduce='sum', saved=False)

    def select(self) -> Selection | None:
        """Divide the sums by the counts."""
        if self.count is None:
            return None
        # The weight of a class fades to nothing in a running mean that does not meet it any more.
        weight = self.count.masked_fill(self.count < FADED, 0)
        divisor = weight.masked_fill(weight == 0, 1)[:, None]
        return Selection(self.student_sum / divisor, self.teacher_sum / divisor, weight)

    def saved_state(self) -> dict[str, Tensor]:
        """The state, without sums of nothing: at m = 21,000 they are two thirds of it."""
        state = super().saved_state()
        if self.count is not None and not self.count.any():
            return {name: tensor for name, tensor in state.items() if name not in SUMS}
        return state

    def check_state(self, state: dict[str, Tensor], prefix: str) -> None:
        """Refuse a state that does not fit; see :class:`Landmarks`.

        Raises:
            ValueError: If it does not.
        """
        super().check_state(state, prefix)
        if not set(SUMS).isdisjoint(state):
            check_complete(state, SUMS, prefix)
            self._check_number(len(state['count']), prefix)
        check_finite(state, SUMS, prefix)

    def collection_warning(self) -> str | None:
        """A warning about features that are not finite, or None."""
        rejected = 0 if self.rejected is None else int(self.rejected)
        return not_finite(rejected) if rejected else None

    def _prepare(self, s_feature: Tensor, t_feature: Tensor) -> Tensor:
        """Make or move the sums; returns which samples are finite, (N,)."""
        self.check_widths(s_feature, t_feature)
        device, m = s_feature.device, self.num_landmarks
        self.follow(device)
        if self.rejected is None:
            self.rejected = torch.zeros((), dtype=torch.long, device=device)
        if self.count is None:
            wide = widest_dtype(device)
            self.count = torch.zeros(m, dtype=wide, device=device)
            for name, feature in (('student', s_feature), ('teacher', t_feature)):
                total = torch.zeros(m, feature.shape[1], dtype=wide, device=device)
                setattr(self, f'{name}_sum', total)
        return finite_samples(s_feature, t_feature)

    def _add(self, s_feature: Tensor, t_feature: Tensor, slots: Tensor, usable: Tensor) -> None:
        """Add every usable sample to the sum of its slot, (N,)."""
        slots = slots.masked_fill(~usable, 0)
        self.count.index_add_(0, slots, usable.to(self.count.dtype))
        for total, feature in ((self.student_sum, s_feature), (self.teacher_sum, t_feature)):
            total.index_add_(0, slots, feature.masked_fill(~usable[:, None], 0).to(total.dtype))


def not_finite(rejected: int) -> str:
    """The warning about samples that were kept out of the landmarks."""
    return (
        f'{rejected} samples have features (or soft labels) that are not finite and were kept out of '
        'the landmarks. Said once; look at the learning rate, the loss scale, or the teacher checkpoint.'
    )
