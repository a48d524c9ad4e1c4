"""Landmarks that are class centres."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from ..checks import check_choice, check_integer
from .means import Means, not_finite
from .schedule import Selection, Use


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
        self.add_state('label_range', (2,), saved=False)
        self.add_state('improper', (), saved=False)

    @torch.no_grad()
    def observe(self, s_feature: Tensor, t_feature: Tensor, extra: Tensor) -> None:
        """Add a batch to the sums.

        Labels outside [0, m) are left out, as are soft labels that are no probabilities: they must be
        finite, not negative, and sum to 1. :meth:`collection_warning` raises an error for them. Here the
        host would have to wait for the device.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            extra: Class indices, integers of shape (N,), or soft labels, shape (N, m).

        Raises:
            LabelError: If the labels have another shape.
            ValueError: If a width differs from the landmarks'.
        """
        self._check_labels(extra, s_feature.shape[0])
        usable = self._prepare(s_feature, t_feature)
        labels = extra.to(s_feature.device)
        if self.label_range is None:
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

    def collection_warning(self) -> str | None:
        """A warning about features that are not finite, or None.

        Raises:
            LabelError: If a label was outside [0, m), or a soft label was no probability.
        """
        if self.rejected is None:
            return None
        figures = [self.label_range, self.improper[None], self.rejected[None]]
        low, high, improper, rejected = torch.cat(figures).tolist()
        if improper:
            raise LabelError(
                f'{improper} rows of labels (N, {self.num_landmarks}) are no probabilities: soft '
                'labels must not be negative and must sum to 1. Logits are no labels.'
            )
        if low < 0 or high >= self.num_landmarks:
            raise LabelError(
                f'labels hold {low if low < 0 else high}, which is outside [0, num_landmarks) = '
                f'[0, {self.num_landmarks}): set landmarks=dict(num_landmarks=...) to the number of '
                'classes of the data set.'
            )
        return not_finite(rejected) if rejected else None

    def begin_anew(self) -> None:
        """Forget what a commit has used up. A running mean keeps a part of it."""
        if not self.carries_over:
            self.discard_pending()
            return
        for total in (self.student_sum, self.teacher_sum, self.count):
            if total is not None:
                total *= self.decay
        if self.rejected is not None:
            self.rejected.zero_()

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

    def _add_soft(self, s_feature, t_feature, labels, usable) -> None:
        weight = labels.masked_fill(~usable[:, None], 0).to(self.count.dtype)
        self.count += weight.sum(0)
        for total, feature in ((self.student_sum, s_feature), (self.teacher_sum, t_feature)):
            total += weight.T @ feature.masked_fill(~usable[:, None], 0).to(total.dtype)

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
