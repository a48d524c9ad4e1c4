"""Landmarks that are class centres."""

from __future__ import annotations

import warnings
from collections import deque

import torch
from torch import Tensor

from ..checks import check_choice, check_integer
from .means import BAD_LABEL, Means, not_finite
from .schedule import Selection, Use

#: Batches whose labels are looked at if a label makes no sense. On a GPU no one looks at every batch.
LABELS_KEPT = 16


class LabelError(ValueError):
    """Labels of a wrong shape or type, outside the classes, or soft labels that are no probabilities."""


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
        use: Use | None = None,
    ) -> None:
        check_integer('num_landmarks', num_landmarks, remedy='the number of classes')
        check_choice('update', update, ('refresh', 'running'))
        super().__init__(num_landmarks, refresh, init, use)
        self.carries_over = update == 'running'
        if self.carries_over:
            if set(refresh or {}) - {'momentum'}:
                raise ValueError(
                    f"refresh={refresh!r}: update='running' renews the landmarks after every iteration: "
                    'give refresh=dict(momentum=0.9), or leave it out.'
                )
            self.decay = self.refresh.momentum if refresh else 0.9
            self.refresh = self.use.every_iteration
        #: Labels of the last batches, for a message.
        self._labels: deque[Tensor] = deque(maxlen=LABELS_KEPT)

    @torch.no_grad()
    def observe(
        self, s_feature: Tensor, t_feature: Tensor, extra: Tensor, finite: Tensor | None = None
    ) -> None:
        """Add a batch to the sums.

        Labels outside [0, m) are left out, as are soft labels that are no probabilities: they must be
        finite, not negative, and sum to 1. :meth:`collection_warning` raises an error for them. Here the
        host would have to wait for the device.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            extra: Class indices, integers of shape (N,), or soft labels, shape (N, m).
            finite: Which of them are finite, shape (N,), if that is known already. Defaults to None.

        Raises:
            LabelError: If the labels have another shape.
            ValueError: If a width differs from the landmarks'.
        """
        self._check_labels(extra, s_feature.shape[0])
        finite = self._prepare(s_feature, t_feature, finite)
        labels = extra.to(s_feature.device)
        if labels.ndim == 2:
            self._add_soft(s_feature, t_feature, labels, finite)
            return
        labels, m = labels.long(), self.num_landmarks
        self._labels.append(labels)
        # What is below 0 becomes -1 and what is above m - 1 becomes m; both go to the row behind the
        # landmarks' own.
        slots = labels.clamp(-1, m).remainder(m + BAD_LABEL + 1)
        self._add(s_feature, t_feature, slots, finite)

    def collection_warning(self) -> str | None:
        """A warning about features that are not finite, or None.

        Raises:
            LabelError: If a label was outside [0, m), or a soft label was no probability.
        """
        if self.all_count is None:
            return None
        bad, rejected = self.all_count[self.num_landmarks :].tolist()
        labels, m = list(self._labels), self.num_landmarks
        self._labels.clear()
        if bad and not labels:
            raise LabelError(
                f'{bad:.0f} rows of labels (N, {m}) are no probabilities: soft labels must not be '
                'negative and must sum to 1. Logits are no labels.'
            )
        if bad:
            met = torch.cat(labels)
            outside = met[(met < 0) | (met >= m)].tolist()
            held = f'hold {min(outside)}, which is' if outside else 'were'
            if outside and min(outside) >= 0:
                held = f'hold {max(outside)}, which is'
            raise LabelError(
                f'labels {held} outside [0, num_landmarks) = [0, {m}): set '
                'landmarks=dict(num_landmarks=...) to the number of classes of the data set.'
            )
        return not_finite(int(rejected)) if rejected else None

    def begin_anew(self) -> None:
        """Forget what a commit has used up. A running mean keeps a part of it."""
        if not self.carries_over:
            self.discard_pending()
            return
        if self.all_count is not None:
            # What was left out stays counted: no one may have looked at it yet.
            for total in (self.all_student_sum, self.all_teacher_sum, self.count):
                total *= self.decay

    def select(self) -> Selection | None:
        """Divide the sums by the counts. The first refresh warns of classes without an image."""
        found = super().select()
        if self.carries_over:
            return found
        if found is not None and self.exists is None and not found.weight.all():
            empty = (found.weight == 0).nonzero().flatten().tolist()
            named = ', '.join(map(str, empty[:8])) + (', ...' if len(empty) > 8 else '')
            warnings.warn(
                f'{len(empty)} of the {self.num_landmarks} class centres do not exist: no image of class '
                f'{named} was met. Set num_landmarks to the number of classes of the data set, and look '
                'for empty classes.',
                UserWarning,
                stacklevel=3,
            )
        return found

    def _add_soft(self, s_feature, t_feature, labels, finite) -> None:
        proper = (labels >= 0).all(1)  # NaN is not
        proper &= (labels.sum(1, dtype=torch.float32) - 1).abs() <= self.TOLERANCE
        usable = finite & proper
        self.bad_labels.add_((~proper).sum())
        self.rejected.add_((~usable).sum())
        weight = torch.where(usable[:, None], labels, 0).to(self.count.dtype)
        self.count.add_(weight.sum(0))
        for total, feature in ((self.student_sum, s_feature), (self.teacher_sum, t_feature)):
            total.add_(weight.T @ torch.where(usable[:, None], feature, 0).to(total.dtype))

    def _check_labels(self, labels: Tensor, num_samples: int) -> None:
        if labels.shape not in ((num_samples,), (num_samples, self.num_landmarks)):
            raise LabelError(
                f'labels must have shape (N,) = ({num_samples},) or, when soft, (N, num_landmarks) = '
                f'({num_samples}, {self.num_landmarks}), got {tuple(labels.shape)}: set num_landmarks '
                'to the number of classes, and give labels, not logits.'
            )
        if labels.ndim == 1 and (labels.is_floating_point() or labels.dtype == torch.bool):
            raise LabelError(
                f'labels of shape (N,) must be integers, got {labels.dtype}: give the labels, not an '
                'output of a network.'
            )
