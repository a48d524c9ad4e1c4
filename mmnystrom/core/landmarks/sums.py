"""Landmarks that are mean features: of a class, or of one image as it was augmented."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ..checks import check_choice, check_integer
from ..features import finite_samples, widest_dtype
from ..state import check_complete, check_finite
from .base import EVERY_ITERATION, Landmarks

#: Weight below which a sum says nothing any more.
FADED = 1e-30


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

    _DEVICE_STATE = (*Landmarks._DEVICE_STATE, 'student_sum', 'teacher_sum', 'count')
    _LAYOUT: ClassVar[dict[str, tuple]] = dict(
        **Landmarks._LAYOUT, student_sum=('m', 'd_S'), teacher_sum=('m', 'd_T'), count=('m',)
    )

    def __init__(self, num_landmarks: int, refresh: dict | None = None, init: str | None = None) -> None:
        super().__init__(num_landmarks, refresh, init)
        self.rejected = None

    def synchronize(
        self,
        all_reduce: Callable[[Tensor], None],
        all_gather: Callable[[Tensor], list[Tensor]],
    ) -> None:
        """Add up sums and counts."""
        for total in self._pending():
            all_reduce(total)

    def discard_pending(self) -> None:
        """Set sums and counts to zero."""
        for total in self._pending():
            total.zero_()

    def select(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """Sums divided by counts."""
        if self.count is None:
            return None
        # What a running mean has not met for thousands of iterations has faded beyond a quotient.
        weight = self.count.masked_fill(self.count < FADED, 0)
        divisor = weight.masked_fill(weight == 0, 1)[:, None]
        return (self.student_sum / divisor).float(), (self.teacher_sum / divisor).float(), weight

    def restore(self, state: dict[str, Tensor], prefix: str) -> None:
        """Take over the state of a checkpoint.

        Raises:
            ValueError: If it is incomplete, misshapen or not finite, or if it is of another strategy,
                number of landmarks, or width.
        """
        if set(state) - {'refreshes', 'strategy'}:
            sums = ('student_sum', 'teacher_sum', 'count')
            check_complete(state, sums, prefix)
            self._check_number(len(state['count']), prefix)
        super().restore(state, prefix)
        check_finite(self, ('student_sum', 'teacher_sum', 'count'), prefix)

    def complaint(self) -> str | None:
        """Speak of features that are not finite."""
        rejected = 0 if self.rejected is None else int(self.rejected)
        return _not_finite(rejected) if rejected else None

    def _prepare(self, s_feature: Tensor, t_feature: Tensor) -> Tensor:
        """Make or move the sums; returns which samples are finite, (N,)."""
        self.check_widths(s_feature, t_feature)
        device, m = s_feature.device, self.num_landmarks
        self.follow(device)
        if self.count is None:
            wide = widest_dtype(device)
            self.count = torch.zeros(m, dtype=wide, device=device)
            for name, feature in (('student', s_feature), ('teacher', t_feature)):
                total = torch.zeros(m, feature.shape[1], dtype=wide, device=device)
                setattr(self, f'{name}_sum', total)
        if self.rejected is None or self.rejected.device != device:
            self.rejected = torch.zeros((), dtype=torch.long, device=device)
        return finite_samples(s_feature, t_feature)

    def _add(self, s_feature: Tensor, t_feature: Tensor, slots: Tensor, usable: Tensor) -> None:
        """Add every usable sample to the sum of its slot, (N,)."""
        slots = slots.masked_fill(~usable, 0)
        self.count.index_add_(0, slots, usable.to(self.count.dtype))
        for total, feature in ((self.student_sum, s_feature), (self.teacher_sum, t_feature)):
            total.index_add_(0, slots, feature.masked_fill(~usable[:, None], 0).to(total.dtype))

    def _pending(self) -> list[Tensor]:
        totals = (self.student_sum, self.teacher_sum, self.count, self.rejected)
        return [total for total in totals if total is not None]


class ClassCenter(Means):
    """Class centres: row j is the mean feature of class j, in either network.

    The Nystrom error is bounded by the quantisation error of the landmarks; with labels, the class
    means solve that clustering problem at no cost (Qian, Li and Hu, arXiv 2009.14416).

    Args:
        num_landmarks: m, the number of classes.
        refresh: See :class:`~mmnystrom.core.landmarks.Landmarks`. Defaults to None.
        init: See there. Defaults to None.
        update: ``'refresh'``: the mean over the images since the last refresh. ``'running'``: a
            running mean, new after every iteration, in which an image weighs ``momentum`` times what
            it weighed an iteration before; ``refresh=dict(momentum=...)`` sets it, 0.9 otherwise. A
            student that moves fast is then compared with where it is, not with where it was an epoch
            ago. Defaults to ``'refresh'``.

    Attributes:
        label_range (Tensor | None): Smallest and largest integer label met, and 0, shape (2,).
        improper (Tensor | None): Number of soft labels met that are no probabilities, scalar.

    Raises:
        ValueError: If ``num_landmarks`` is not a positive integer, or ``refresh`` has an interval for
            a running mean.
    """

    strategy = 'class_center'
    needs = 'labels'

    #: How far from 1 the sum of a soft label may be: labels in half precision round that much.
    TOLERANCE = 0.01

    def __init__(
        self,
        num_landmarks: int,
        refresh: dict | None = None,
        init: str | None = None,
        update: str = 'refresh',
    ) -> None:
        check_integer('num_landmarks', num_landmarks, remedy='the number of classes')
        check_choice('update', update, ('refresh', 'running'))
        self.carries_over = update == 'running'
        super().__init__(num_landmarks, refresh, init)
        if self.carries_over:
            if set(refresh or {}) - {'momentum'}:
                raise ValueError(
                    f"refresh={refresh!r}: update='running' renews the landmarks after every iteration: "
                    'give refresh=dict(momentum=0.9), or leave it out.'
                )
            self.decay = self.refresh.momentum if refresh else 0.9
            self.refresh = EVERY_ITERATION
        self.label_range = None
        self.improper = None

    @torch.no_grad()
    def observe(self, s_feature: Tensor, t_feature: Tensor, side: Tensor) -> None:
        """Add a batch to the sums.

        Labels outside [0, m) are left out, as are soft labels that are no probabilities (they must be
        finite, not negative, and sum to 1). :meth:`complaint` raises an error for them; here the host
        would have to wait for the device.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            side: Class indices, integers of shape (N,), or soft labels, shape (N, m).

        Raises:
            ValueError: If the labels have another shape, or a width differs from the landmarks'.
        """
        self._check_labels(side, s_feature.shape[0])
        usable = self._prepare(s_feature, t_feature)
        labels = side.to(s_feature.device)
        if self.label_range is None or self.label_range.device != labels.device:
            self.label_range = torch.zeros(2, dtype=torch.long, device=labels.device)
            self.improper = torch.zeros((), dtype=torch.long, device=labels.device)
        if labels.ndim == 2:
            proper = (labels >= 0).all(1)  # NaN is not
            proper &= (labels.sum(1, dtype=torch.float32) - 1).abs() <= self.TOLERANCE
            self.improper += (~proper).sum()
            usable &= proper
            self.rejected += (~usable).sum()
            self._add_soft(s_feature, t_feature, labels, usable)
            return
        labels = labels.long()
        self.rejected += (~usable).sum()
        self.label_range[0] = torch.minimum(self.label_range[0], labels.min())
        self.label_range[1] = torch.maximum(self.label_range[1], labels.max())
        usable &= (labels >= 0) & (labels < self.num_landmarks)
        self._add(s_feature, t_feature, labels, usable)

    def complaint(self) -> str | None:
        """Speak of features that are not finite.

        Raises:
            ValueError: If a label was outside [0, m), or a soft label was no probability.
        """
        if self.rejected is None:
            return None
        figures = [self.label_range, self.improper[None], self.rejected[None]]
        low, high, improper, rejected = torch.cat(figures).tolist()
        if improper:
            raise ValueError(
                f'{improper} rows of gt_label (N, {self.num_landmarks}) are no probabilities: soft '
                'labels must not be negative and must sum to 1. Logits are no labels. A recorder '
                "dict(type='ModuleInputs', source='head.loss_module') holds the logits at data_idx=0 and "
                'the labels at data_idx=1.'
            )
        if low < 0 or high >= self.num_landmarks:
            raise ValueError(
                f'gt_label holds {low if low < 0 else high}, which is outside [0, num_landmarks) = '
                f'[0, {self.num_landmarks}): set landmarks=dict(num_landmarks=...) to the number of '
                'classes of the data set.'
            )
        return _not_finite(rejected) if rejected else None

    def begin_anew(self) -> None:
        """Forget what a commit has used up: everything, or of a running mean a part."""
        if not self.carries_over:
            self.discard_pending()
            return
        for total in (self.student_sum, self.teacher_sum, self.count):
            if total is not None:
                total *= self.decay
        if self.rejected is not None:
            self.rejected.zero_()

    @torch.no_grad()
    def commit(self) -> None:
        """Make landmarks of what was collected; of a running mean without waiting for the device."""
        settled = self.carries_over and self.in_use == self.num_landmarks and self.count is not None
        if not settled or self.kernel.needs_fit:
            super().commit()
            return
        student, teacher, weight = self.select()
        known = (weight > 0)[:, None]
        self.student = torch.where(known, student, self.student)
        self.teacher = torch.where(known, teacher, self.teacher)
        self.weight = weight.float()
        self.drift = None
        self.refreshes = self.refreshes + 1
        self.version += 1
        self.begin_anew()

    def select(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """Sums divided by counts; warns of classes that the first refresh has no image of."""
        found = super().select()
        if self.carries_over:
            return found
        if found is not None and self.seen is None and not found[2].all():
            empty = (found[2] == 0).nonzero().flatten().tolist()
            named = ', '.join(map(str, empty[:8])) + (', ...' if len(empty) > 8 else '')
            warnings.warn(
                f'{len(empty)} of the {self.num_landmarks} class centres do not exist: no image of class '
                f'{named} was met. Set num_landmarks to the number of classes of the data set, and look '
                'for empty classes.',
                UserWarning,
                stacklevel=3,
            )
        return found

    def _add_soft(self, s_feature, t_feature, labels, usable) -> None:
        weight = labels.masked_fill(~usable[:, None], 0).to(self.count.dtype)
        self.count += weight.sum(0)
        for total, feature in ((self.student_sum, s_feature), (self.teacher_sum, t_feature)):
            total += weight.T @ feature.masked_fill(~usable[:, None], 0).to(total.dtype)

    def _check_labels(self, labels: Tensor, num_samples: int) -> None:
        if labels.shape not in ((num_samples,), (num_samples, self.num_landmarks)):
            raise ValueError(
                f'labels must have shape (N,) = ({num_samples},) or, when soft, (N, num_landmarks) = '
                f'({num_samples}, {self.num_landmarks}), got {tuple(labels.shape)}: set num_landmarks '
                'to the number of classes, and data_idx=1 if the labels are recorded by '
                "dict(type='ModuleInputs', source='head.loss_module'), whose data_idx=0 are the logits."
            )
        if labels.ndim == 1 and (labels.is_floating_point() or labels.dtype == torch.bool):
            raise ValueError(
                f'labels of shape (N,) must be integers, got {labels.dtype}: map the labels (data_idx=1 '
                "of dict(type='ModuleInputs', source='head.loss_module')), not an output of a network."
            )


class FixedSamples(Means):
    """Images that the user chose: row j is the feature of training image ``indices[j]``.

    Args:
        indices: Positions of the images in the training data set, all different.
        refresh: See :class:`~mmnystrom.core.landmarks.Landmarks`. Defaults to None.
        init: See there. Defaults to None.

    Raises:
        ValueError: If ``indices`` is empty, or holds anything but different integers >= 0.
    """

    strategy = 'fixed'
    needs = 'indices'

    def __init__(
        self, indices: Sequence[int], refresh: dict | None = None, init: str | None = None
    ) -> None:
        if isinstance(indices, str) or not isinstance(indices, Iterable):
            raise ValueError(
                f'indices={indices!r} must be a list of positions in the training data set, such as '
                '[0, 10, 20].'
            )
        indices = list(indices)
        for index in indices:
            check_integer('indices', index, 0, remedy='positions in the training data set')
        if not indices or len(set(indices)) < len(indices):
            raise ValueError(
                f'indices holds {len(indices)} positions, {len(set(indices))} of them different: give '
                'at least one, and none twice.'
            )
        super().__init__(len(indices), refresh, init)
        self._sorted, self._slots = torch.tensor(indices).sort()

    def within(self, size: int) -> int:
        """How many of the images a data set of ``size`` images has."""
        return int((self._sorted < size).sum())

    @torch.no_grad()
    def observe(self, s_feature: Tensor, t_feature: Tensor, side: Tensor) -> None:
        """Take the chosen images of a batch.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            side: Positions of the images in the data set, shape (N,), on the CPU.

        Raises:
            ValueError: If a width differs from the landmarks', or ``side`` has another shape.
        """
        if side.shape != s_feature.shape[:1]:
            raise ValueError(
                f'{len(s_feature)} features came with the positions of {len(side)} images: fixed '
                'landmarks need one position a feature row.'
            )
        finite = self._prepare(s_feature, t_feature)
        place = torch.searchsorted(self._sorted, side).clamp_max(len(self._sorted) - 1)
        chosen = (self._sorted[place] == side).nonzero().flatten()  # on the CPU: waits for no device
        slots = self._slots[place[chosen]].to(s_feature.device)
        chosen = chosen.to(s_feature.device)
        finite = finite[chosen]
        self.rejected += (~finite).sum()
        self._add(s_feature[chosen], t_feature[chosen], slots, finite)

    def select(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """Means over the times an image was met."""
        found = super().select()
        missing = 0 if found is None else int((~((found[2] > 0) | self._ever(found[2]))).sum())
        if missing:
            warnings.warn(
                f'{missing} of the {self.num_landmarks} fixed landmarks were not met in the training '
                'data since the last refresh and do not exist: look at indices and the length of the '
                'data set.',
                UserWarning,
                stacklevel=3,
            )
        return found

    def _ever(self, weight: Tensor) -> Tensor:
        return torch.zeros_like(weight, dtype=torch.bool) if self.seen is None else self.seen


def _not_finite(rejected: int) -> str:
    return (
        f'{rejected} samples have features (or soft labels) that are not finite and were kept out of '
        'the landmarks. Said once; look at the learning rate, the loss scale, or the teacher checkpoint.'
    )
