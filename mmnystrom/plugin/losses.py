"""The kernel-transfer loss as an mmrazor distillation loss."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping

import torch
from mmengine.logging import print_log
from mmrazor.registry import MODELS
from torch import Tensor

from mmnystrom.core import KernelMatrixError, KernelTransferLoss, feature_rows

from .landmark_files import with_file_read
from .needs import label_tensor, missing
from .watch import BAD_BATCHES, NonFiniteWatch


@MODELS.register_module()
class KDALoss(KernelTransferLoss):
    """Nystrom kernel transfer (KDA): the student's kernel against landmarks becomes the teacher's.

    With the defaults ``loss_weight * smooth_l1(C_S, C_T, reduction='sum') / ||C_T||_F`` with
    ``C = kernel(X, L)``, features against landmarks. Each loss of a config owns its landmarks, which
    :class:`~mmnystrom.plugin.LandmarkHook` refreshes from the features this loss is given in
    training; until they exist, and during the hook's warm-up, the loss is 0 (its connectors stay in
    the graph, as DistributedDataParallel asks).

    Source: Qian, Li and Hu, "Improved Knowledge Distillation via Full Kernel Matrix Transfer",
    SDM 2022 (arXiv 2009.14416), Corollary 2, in the form of the authors' code; with
    ``form='nystrom'``, Corollary 1.

    Args:
        landmarks: Config of the landmark strategy, ``dict(type='class_center', num_landmarks=m)``
            with m the number of classes; also ``kmeans``, ``random``, ``kmeans++``, ``farthest``,
            ``leverage``, ``classifier`` and ``fixed`` (which here also takes ``file=``: ``.npy`` or
            ``.txt`` of positions, or ``.npz`` with the arrays ``student`` and ``teacher``). Defaults to
            None, for ``form='batch'`` alone.
        kernel: ``'linear'``, ``'cosine'``, ``'polynomial'``, ``'rbf'`` or ``'laplacian'``, or a dict
            with its parameters, ``dict(type='rbf', gamma='median')`` or, for a linear one without a
            scale, ``dict(type='linear', scale='landmarks')``. Defaults to ``'linear'``.
        form: ``'partial'``, ``'nystrom'`` or ``'batch'``, or ``dict(type='nystrom', rank=0.99)``;
            ``center=True`` centres any of them. Defaults to ``'partial'``.
        distance: ``'smooth_l1'``, ``'l1'``, ``'mse'``, ``'kl'`` or ``'cosine'``, or
            ``dict(type='kl', tau=4.0)``. Defaults to ``'smooth_l1'``.
        normalize: ``'teacher_norm'``, ``'mean'`` or ``'none'``. Defaults to what goes with the
            distance: ``'mean'`` for kl, ``'none'`` for cosine, else ``'teacher_norm'``.
        preset: ``'landmark_cka'``, centred alignment with the landmarks, which has no scale and is what
            to take for networks and data of one's own; or ``'sp'``, ``'cc'`` or ``'cka'``, the loss of
            that name. Defaults to None, the loss of the paper.
        loss_weight: Factor of the loss; the authors' code has 0.04. Defaults to 1.0.

    Raises:
        TypeError: If an argument is missing, unknown or of the wrong type.
        ValueError: If a choice is unknown, a number makes no sense, or two choices do not go together.

    Example:
        >>> KDALoss(landmarks=dict(type='class_center', num_landmarks=100), loss_weight=0.04)
        KDALoss(
          kernel=Linear(), form=Partial(), distance=SmoothL1(beta=1.0), normalize='teacher_norm',
          loss_weight=0.04
          (landmarks): ClassCenter(num_landmarks=100)
        )
    """

    def __init__(
        self,
        landmarks: dict | None = None,
        kernel: str | dict | None = None,
        form: str | dict | None = None,
        distance: str | dict | None = None,
        normalize: str | None = None,
        preset: str | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(
            with_file_read(landmarks), kernel, form, distance, normalize, preset, loss_weight
        )
        #: Whether the schedule lets the loss act; the hook's to set.
        self.enabled = True
        #: Whether batches go into the landmarks; the hook's to set.
        self.observing = True
        #: Positions of the batch's images in the data set, for strategies that ask; the hook's to set.
        self.sample_indices: Tensor | None = None
        #: Whether a run trains this loss, so that a feature without a gradient is a mistake; the hook's
        #: to set.
        self.must_learn = False
        #: Factor between 0 and 1 of a weight that still grows; the hook's to set.
        self.ramp = 1.0
        #: Called with this loss and its value in a forward that acts; the watch's to set.
        self.probe: Callable[[KDALoss, Tensor], None] | None = None
        #: Norm of the loss's gradient on the student's features over that of the task, of the last
        #: epoch; None before it was measured.
        self.gradient_ratio: float | None = None
        #: The value of the last batch that the loss acted on, without gradient; None before the first.
        self.last_value: Tensor | None = None
        self.name = type(self).__name__
        self._attached = False
        self._reported = False
        self._watch = NonFiniteWatch()

    def attach(self, name: str, arguments: Container[str]) -> None:
        """Tell the loss that something refreshes its landmarks; the hook calls it before a run.

        Args:
            name: Key of this loss in ``distill_losses``, for messages.
            arguments: The arguments that ``loss_forward_mappings`` gives to :meth:`forward`. Where it
                is the mapping itself, its two features are checked too.

        Raises:
            ValueError: If a feature is not mapped, or from the wrong network, or the strategy needs
                something that ``arguments`` does not have.
        """
        self.name = name
        self._attached = True
        if isinstance(arguments, Mapping) and arguments:
            self._check_mapping(arguments)
        asked = dict(labels=('gt_label',), weights=('s_weight', 't_weight'))
        if any(argument not in arguments for argument in asked.get(self._needs, ())):
            raise ValueError(f'{self.name}: {missing(self._needs, self.name)}')

    def forward(
        self,
        s_feature: Tensor,
        t_feature: Tensor,
        gt_label: Tensor | list | tuple | None = None,
        s_weight: Tensor | None = None,
        t_weight: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch; in training mode the landmarks' strategy also gets to see the batch.

        Args:
            s_feature: The student's features, shape (N, d_S) or (N, d_S, 1, 1).
            t_feature: The teacher's features, shape (N, d_T) or (N, d_T, 1, 1). No gradient.
            gt_label: For ``class_center``: class indices (N,), soft labels (N, m), or the batch's list
                of data samples.
            s_weight: For ``classifier``: the student's weight, shape (m, d_S).
            t_weight: For ``classifier``: the teacher's weight, shape (m, d_T).

        Returns:
            Scalar, times ``loss_weight``.

        Raises:
            RuntimeError: If no LandmarkHook refreshes the landmarks in training, or the loss acts on
                features that teach the student nothing.
            TypeError: If a feature is no tensor, or ``gt_label`` nothing that holds labels.
            ValueError: If a shape does not fit, or what the strategy needs is missing.
        """
        s_rows = feature_rows(s_feature, f'{self.name}: s_feature')
        t_rows = feature_rows(t_feature, f'{self.name}: t_feature')
        if len(s_rows) != len(t_rows):
            raise ValueError(
                f'{self.name}: s_feature has {len(s_rows)} rows and t_feature {len(t_rows)}; both must '
                'come from the same images.'
            )
        if self.landmarks is not None:
            try:
                self._observe(s_rows, t_rows, gt_label, (s_weight, t_weight))
            except ValueError as error:
                raise ValueError(f'{self.name}: {error}') from error
        on = self.enabled and self.ready
        usable = self.keep_finite(s_rows, t_rows)
        if self.training:
            self._watch.saw(len(s_rows))
            if not self._attached and self._watch.batches % BAD_BATCHES == 0:
                self.report()  # no hook does it after each iteration
        if on:
            self._check_gradient(s_rows, t_rows, same=s_feature is t_feature)
            loss = self._compare(s_rows, t_rows, usable)
            if self.ramp != 1:
                loss = loss * self.ramp
            self.last_value = loss.detach()
            if self.probe is not None and self.training and torch.is_grad_enabled():
                self.probe(self, loss)
        else:
            loss = s_rows.new_zeros((), dtype=torch.float32)
        # An empty sum is 0 whatever the features hold, and ties their connectors to the loss.
        for rows in (t_rows,) if on else (s_rows, t_rows):
            if rows.requires_grad:
                loss = loss + rows[:0].float().sum()
        return loss

    def rows(self) -> tuple:
        """See :class:`~mmnystrom.core.KernelTransferLoss`; an error names this loss.

        Raises:
            KernelMatrixError: If the landmarks' kernel matrix has no root.
        """
        try:
            return super().rows()
        except KernelMatrixError as error:
            raise KernelMatrixError(f'{self.name}: {error}') from error

    def report(self) -> None:
        """Speak of what was left out: waits for the device, so not part of the forward.

        The hook calls it after every iteration.

        Raises:
            ValueError: If a label was outside [0, num_landmarks), or a soft label was no probability.
            NonFiniteError: If samples of many batches in a row were left out.
        """
        try:
            complaint = None if self.landmarks is None else self.landmarks.complaint()
        except ValueError as error:
            raise ValueError(f'{self.name}: {error}') from error
        rejected = 0 if self.rejected is None else int(self.rejected)
        complaint = self._watch.look(self.name, rejected) or complaint
        if complaint and not self._reported:
            self._reported = True
            print_log(f'{self.name}: {complaint}', logger='current', level=logging.WARNING)

    def _check_mapping(self, mapping: Mapping) -> None:
        for argument, from_student in (('s_feature', True), ('t_feature', False)):
            right = f"{argument}=dict(from_student={from_student}, recorder='feat')"
            if argument not in mapping:
                raise ValueError(
                    f'{self.name}: loss_forward_mappings gives it no {argument}: add {right}.'
                )
            found = mapping[argument].get('from_student')
            if found is not from_student:
                network = 'student' if from_student else 'teacher'
                raise ValueError(
                    f"{self.name}: {argument} is the {network}'s feature, and loss_forward_mappings has "
                    f'from_student={found!r} for it, so that nothing would be learnt: write {right}.'
                )

    def _check_gradient(self, s_rows: Tensor, t_rows: Tensor, same: bool) -> None:
        """Refuse features that teach the student nothing."""
        if not (self.training and torch.is_grad_enabled()):
            return
        if same:
            raise RuntimeError(
                f'{self.name}: s_feature and t_feature are the same tensor: there is nothing to learn. '
                'Map s_feature with from_student=True and t_feature with from_student=False.'
            )
        if s_rows.requires_grad:
            return
        message = (
            f'{self.name}: s_feature needs no gradient, so the loss trains nothing. It must be recorded '
            'from the student (from_student=True), from a layer that is trained (not of frozen_stages, '
            'not with requires_grad=False), and not inside a block that is checkpointed (with_cp=True): '
            'record the output of that block.'
        )
        if self.must_learn or t_rows.requires_grad:
            raise RuntimeError(message)
        if not self._attached and not self._reported:  # nobody can tell whether this is a run
            self._reported = True
            print_log(message, logger='current', level=logging.WARNING)

    @property
    def _needs(self) -> str | None:
        return None if self.landmarks is None else self.landmarks.needs

    def _observe(self, s_rows, t_rows, gt_label, weights) -> None:
        if not self.training:
            self.landmarks.check_widths(s_rows, t_rows)
            return
        if not self._attached:
            raise RuntimeError(
                'KDALoss is trained without a LandmarkHook, so its landmarks would never exist: add '
                "custom_hooks = [dict(type='LandmarkHook', warmup_epochs=5)] to the config."
            )
        if not self.observing:
            self.landmarks.check_widths(s_rows, t_rows)
            return
        if any(weight is None for weight in weights):
            weights = None
        given = dict(labels=gt_label, indices=self.sample_indices, weights=weights)
        side = given.get(self._needs)
        if self._needs and side is None:
            raise ValueError(missing(self._needs, self.name))
        if self._needs == 'labels':
            side = label_tensor(side, self.name)
        self.landmarks.observe(s_rows.detach(), t_rows.detach(), side)
