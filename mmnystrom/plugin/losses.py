"""The kernel-transfer loss as an mmrazor distillation loss."""

from __future__ import annotations

import logging
from collections.abc import Container
from numbers import Real

import torch
from mmengine.logging import print_log
from mmrazor.registry import MODELS
from torch import Tensor, nn

from mmnystrom.core import build_kernel, build_landmarks, feature_rows, partial_transfer_loss


@MODELS.register_module()
class KDALoss(nn.Module):
    """Nystrom kernel transfer (KDA): the student's kernel against landmarks becomes the teacher's.

    ``loss_weight * smooth_l1(C_S, C_T, reduction='sum') / ||C_T||_F`` with ``C = kernel(X, L)``,
    features against landmarks. Each loss of a config owns its landmarks, which
    :class:`~mmnystrom.plugin.LandmarkHook` refreshes from the features this loss is given in
    training; until they exist, and during the hook's warm-up, the loss is 0 (its connectors stay in
    the graph, as DistributedDataParallel asks).

    Source: Qian, Li and Hu, "Improved Knowledge Distillation via Full Kernel Matrix Transfer",
    SDM 2022 (arXiv 2009.14416), Corollary 2, in the form of the authors' code.

    Args:
        landmarks: Config of the landmark strategy, ``dict(type='class_center', num_landmarks=m)``
            with m the number of classes.
        kernel: Name of the kernel. Defaults to ``'linear'``.
        loss_weight: Factor of the loss; the authors' code has 0.04. Defaults to 1.0.

    Raises:
        TypeError: If ``landmarks`` is no dict or lacks an argument.
        ValueError: If a strategy or kernel is unknown, or a number makes no sense.

    Example:
        >>> KDALoss(landmarks=dict(type='class_center', num_landmarks=100), loss_weight=0.04)
        KDALoss(
          kernel='linear', loss_weight=0.04
          (landmarks): ClassCenter(num_landmarks=100)
        )
    """

    def __init__(self, landmarks: dict, kernel: str = 'linear', loss_weight: float = 1.0) -> None:
        super().__init__()
        if not isinstance(loss_weight, Real) or not 0 <= loss_weight < float('inf'):
            raise ValueError(f'loss_weight={loss_weight!r} must be a finite number >= 0.')
        self.landmarks = build_landmarks(landmarks)
        self.kernel = build_kernel(kernel)
        self.kernel_name = kernel
        self.loss_weight = loss_weight
        #: Whether the schedule lets the loss act; the hook's to set.
        self.enabled = True
        self.name = type(self).__name__
        self._attached = False
        self._reported = False

    def extra_repr(self) -> str:
        return f'kernel={self.kernel_name!r}, loss_weight={self.loss_weight}'

    def attach(self, name: str, arguments: Container[str]) -> None:
        """Tell the loss that something refreshes its landmarks; the hook calls it before a run.

        Args:
            name: Key of this loss in ``distill_losses``, for messages.
            arguments: The arguments that ``loss_forward_mappings`` gives to :meth:`forward`.

        Raises:
            ValueError: If the strategy needs labels and ``arguments`` has none.
        """
        self.name = name
        self._attached = True
        if self.landmarks.needs_labels and 'gt_label' not in arguments:
            raise self._no_label()

    def forward(
        self,
        s_feature: Tensor,
        t_feature: Tensor,
        gt_label: Tensor | list | tuple | None = None,
    ) -> Tensor:
        """Loss of a batch; in training mode the batch is also added to the landmarks' sums.

        Args:
            s_feature: The student's features, shape (N, d_S) or (N, d_S, 1, 1).
            t_feature: The teacher's features, shape (N, d_T) or (N, d_T, 1, 1). No gradient.
            gt_label: Class indices (N,), soft labels (N, m), or the batch's list of data samples.

        Returns:
            Scalar, times ``loss_weight``.

        Raises:
            RuntimeError: If no LandmarkHook refreshes the landmarks in training.
            TypeError: If a feature is no tensor, or ``gt_label`` nothing that holds labels.
            ValueError: If a shape does not fit, or labels are needed and missing.
        """
        s_rows = feature_rows(s_feature, f'{self.name}: s_feature')
        t_rows = feature_rows(t_feature, f'{self.name}: t_feature')
        if len(s_rows) != len(t_rows):
            raise ValueError(
                f'{self.name}: s_feature has {len(s_rows)} rows and t_feature {len(t_rows)}; both must '
                'come from the same images.'
            )
        if self.training:
            self._check_use(gt_label)
        try:
            if self.training:
                labels = _label_tensor(gt_label, self.name)
                self.landmarks.observe(s_rows.detach(), t_rows.detach(), labels)
            else:
                self.landmarks.check_widths(s_rows, t_rows)
        except ValueError as error:
            raise ValueError(f'{self.name}: {error}') from error
        # An empty sum is 0 whatever the features hold, and ties their connectors to the loss.
        loss = s_rows[:0].float().sum() + t_rows[:0].float().sum()
        if self.enabled and self.landmarks.ready:
            loss = loss + partial_transfer_loss(
                s_rows, t_rows, self.landmarks.student, self.landmarks.teacher, self.kernel
            )
        return self.loss_weight * loss

    def report(self) -> None:
        """Speak of what the landmarks left out: waits for the device, so not part of the forward.

        Raises:
            ValueError: If a label was outside [0, num_landmarks).
        """
        low, high, rejected = torch.cat(
            [self.landmarks.label_range, self.landmarks.rejected.reshape(1)]
        ).tolist()
        m = self.landmarks.num_landmarks
        if low < 0 or high >= m:
            raise ValueError(
                f'{self.name}: gt_label holds {low if low < 0 else high}, which is outside [0, '
                f'num_landmarks) = [0, {m}): set landmarks=dict(num_landmarks=...) to the number of '
                'classes of the data set.'
            )
        if rejected and not self._reported:
            self._reported = True
            print_log(
                f'{self.name}: {rejected} samples have features (or soft labels) that are not finite '
                'and were kept out of the landmarks. Said once; look at the learning rate, the loss '
                'scale, or the teacher checkpoint.',
                logger='current',
                level=logging.WARNING,
            )

    def _check_use(self, gt_label) -> None:
        if not self._attached:
            raise RuntimeError(
                'KDALoss is trained without a LandmarkHook, so its landmarks would never exist: add '
                "custom_hooks = [dict(type='LandmarkHook', warmup_epochs=5)] to the config."
            )
        if gt_label is None:
            raise self._no_label()

    def _no_label(self) -> ValueError:
        return ValueError(
            f'{self.name}: class_center landmarks need labels. Record them, student_recorders=dict('
            "gt_label=dict(type='ModuleInputs', source='head.loss_module')), and map them, "
            f'loss_forward_mappings=dict({self.name}=dict(gt_label=dict(from_student=True, '
            "recorder='gt_label', data_idx=1)))."
        )


def _label_tensor(gt_label, name: str) -> Tensor:
    """Labels of a batch as a tensor, also from the list of data samples a model is called with."""
    if isinstance(gt_label, Tensor):
        return gt_label
    if isinstance(gt_label, (list, tuple)) and gt_label:
        for key, join in (('gt_score', torch.stack), ('gt_label', torch.cat)):
            if all(hasattr(sample, key) for sample in gt_label):
                return join([getattr(sample, key) for sample in gt_label])
    raise TypeError(
        f'{name}: gt_label must be a tensor of labels or a list of data samples that carry gt_label, '
        f"got {type(gt_label).__name__}. With dict(type='ModuleInputs', source='head.loss_module') "
        'map it with data_idx=1.'
    )
