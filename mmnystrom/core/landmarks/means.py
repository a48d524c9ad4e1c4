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


#: What :class:`Means` collects in, as a checkpoint has it.
SUMS = ('student_sum', 'teacher_sum', 'count')
#: Rows behind the landmarks' own that take the samples which are left out. To send them there costs a GPU
#: fewer launches than to mask them, and to count what was left out costs none.
BAD_LABEL, NOT_FINITE = 0, 1
LEFT_OUT = 2


class Means(Landmarks):
    """Landmarks that are means of features: sums and counts, divided at the commit.

    A landmark without a new feature keeps its value; one that never had any is a row of zeros in both
    networks. Sums and counts are float64 where the device has it. Samples with a feature that is not
    finite, in either network, are left out of both.
    """

    takes_finite = True

    def __init__(
        self,
        num_landmarks: int,
        refresh: dict | None = None,
        init: str | None = None,
        use: Use | None = None,
    ) -> None:
        super().__init__(num_landmarks, refresh, init, use)
        # Of m + LEFT_OUT rows. The last may hold NaN.
        for name, width in zip(SUMS, (('d_S',), ('d_T',), ()), strict=True):
            self.add_state(f'all_{name}', ('rows', *width), reduce='sum', saved=False)
        self._ones: Tensor | None = None

    @property
    def student_sum(self) -> Tensor | None:
        """Sum of the student's features since the last commit, (m, d_S)."""
        return self._own(self.all_student_sum)

    @property
    def teacher_sum(self) -> Tensor | None:
        """The same of the teacher, (m, d_T)."""
        return self._own(self.all_teacher_sum)

    @property
    def count(self) -> Tensor | None:
        """Weight of the samples in these sums, (m,); fractions for soft labels."""
        return self._own(self.all_count)

    @property
    def rejected(self) -> Tensor | None:
        """Samples left out since the last commit as they are not finite, scalar."""
        return None if self.all_count is None else self.all_count[self.num_landmarks + NOT_FINITE]

    @property
    def bad_labels(self) -> Tensor | None:
        """Samples left out since the last commit for their label, scalar."""
        return None if self.all_count is None else self.all_count[self.num_landmarks + BAD_LABEL]

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
        if self.count is not None and self.count.any():
            state.update({name: getattr(self, name).clone() for name in SUMS})
        return state

    def layout(self) -> dict[str, tuple[int | str, ...]]:
        """See :class:`State`; with the sums."""
        return {**super().layout(), **dict(zip(SUMS, (('m', 'd_S'), ('m', 'd_T'), ('m',)), strict=True))}

    def restore(self, state: dict[str, Tensor], prefix: str) -> None:
        """Take over the state of a checkpoint; see :class:`State`."""
        device = self._device()
        super().restore(state, prefix)
        for name in SUMS:
            if name in state:
                rows = state[name]
                rows = torch.cat([rows, rows.new_zeros(LEFT_OUT, *rows.shape[1:])])
                setattr(self, f'all_{name}', rows if device is None else rows.to(device))

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

    def _own(self, rows: Tensor | None) -> Tensor | None:
        return None if rows is None else rows[: self.num_landmarks]

    def _prepare(self, s_feature: Tensor, t_feature: Tensor, finite: Tensor | None) -> Tensor:
        """Make or move the sums; returns which samples are finite, (N,)."""
        self.check_widths(s_feature, t_feature)
        device, rows = s_feature.device, self.num_landmarks + LEFT_OUT
        self.follow(device)
        if self.all_count is None:
            wide = widest_dtype(device)
            self.all_count = torch.zeros(rows, dtype=wide, device=device)
            for name, feature in (('student', s_feature), ('teacher', t_feature)):
                total = torch.zeros(rows, feature.shape[1], dtype=wide, device=device)
                setattr(self, f'all_{name}_sum', total)
        return finite_samples(s_feature, t_feature) if finite is None else finite

    def _add(self, s_feature: Tensor, t_feature: Tensor, slots: Tensor, finite: Tensor) -> None:
        """Add every finite sample to the sum of its slot, (N,), up to m + BAD_LABEL."""
        slots = torch.where(finite, slots, self.num_landmarks + NOT_FINITE)
        count = self.all_count
        if self._ones is None or self._ones.device != count.device or len(self._ones) < len(slots):
            self._ones = torch.ones(len(slots), dtype=count.dtype, device=count.device)
        count.index_add_(0, slots, self._ones[: len(slots)])
        for total, feature in ((self.all_student_sum, s_feature), (self.all_teacher_sum, t_feature)):
            total.index_add_(0, slots, feature.to(total.dtype))


def not_finite(rejected: int) -> str:
    """The warning about samples that were kept out of the landmarks."""
    return (
        f'{rejected} samples have features (or soft labels) that are not finite and were kept out of '
        'the landmarks. Said once; look at the learning rate, the loss scale, or the teacher checkpoint.'
    )
