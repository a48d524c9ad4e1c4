"""The kernel-transfer loss as an mmrazor distillation loss."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmnystrom.core import KernelMatrixError, KernelTransferLoss, finite_samples
from mmnystrom.registry import MODELS

from .compiling import never_compiled
from .landmark_files import load_landmark_file
from .needs import label_tensor, missing, recorded_rows, with_remedy
from .watch import BAD_BATCHES, LOOK_EVERY, NonFiniteWatch


@dataclass
class Step:
    """What the hook tells a loss of the iteration to come.

    Args:
        enabled: Whether the schedule lets the loss act. Defaults to True.
        observing: Whether the batch goes into the landmarks. Defaults to True.
        ramp: Factor between 0 and 1 of a weight that still grows. Defaults to 1.
        must_learn: Whether a run trains the loss, so that a feature without a gradient is a mistake.
            Defaults to False.
        sample_indices: Positions of the batch's images in the data set, (N,), for strategies that ask.
            Defaults to None.
        probe: Called with the loss and its value in a forward that acts. Defaults to None.
    """

    enabled: bool = True
    observing: bool = True
    ramp: float = 1.0
    must_learn: bool = False
    sample_indices: Tensor | None = None
    probe: Callable[[KDALoss, Tensor], None] | None = None


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
        distance: ``'smooth_l1'``, ``'l1'``, ``'mse'``, ``'kl'``, ``'row_kl'``, ``'cosine'`` or
            ``'correlation'``, or ``dict(type='kl', tau=4.0)``. Defaults to ``'smooth_l1'``.
        normalize: ``'teacher_norm'``, ``'mean'`` or ``'none'``. Defaults to what goes with the
            distance: ``'mean'`` for kl, ``'none'`` for cosine and correlation, else
            ``'teacher_norm'``.
        preset: ``'nystrom_correlation'``, correlated Nystrom factors, which have no scale and are what
            to take for pre-FC features of networks and data of one's own, with ``loss_weight=10``;
            ``'landmark_cka'``, centred alignment with the landmarks, for logits, with 3; or ``'sp'``,
            ``'cc'``, ``'cka'`` or ``'pkt'``, the loss of that name. Defaults to None, the loss of the
            paper.
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
            load_landmark_file(landmarks), kernel, form, distance, normalize, preset, loss_weight
        )
        #: What the hook says of the iteration to come; None if no hook refreshes the landmarks.
        self.step: Step | None = None
        #: Norm of the loss's gradient on the student's features over that of the task, of the last
        #: epoch; None before it was measured.
        self.gradient_ratio: float | None = None
        #: The value of the last batch that the loss acted on, without gradient; None before the first.
        self.last_value: Tensor | None = None
        self.name = type(self).__name__
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
        self.step = Step()
        if isinstance(arguments, Mapping) and arguments:
            self._check_mapping(arguments)
        asked = dict(labels=('gt_label',), weights=('s_weight', 't_weight'))
        if any(argument not in arguments for argument in asked.get(self._needs, ())):
            raise ValueError(f'{self.name}: {missing(self._needs, self.name)}')

    @property
    def acts(self) -> bool:
        """Whether there are landmarks, and the schedule lets the loss act."""
        return self.ready and (self.step is None or self.step.enabled)

    @never_compiled
    def forward(
        self,
        s_feature: Tensor,
        t_feature: Tensor,
        gt_label: Tensor | list | tuple | None = None,
        s_weight: Tensor | None = None,
        t_weight: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss of a batch. In training, the landmarks' strategy observes the batch, too.

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
        student = recorded_rows(s_feature, f'{self.name}: s_feature', 's_feature')
        teacher = recorded_rows(t_feature, f'{self.name}: t_feature', 't_feature')
        if len(student) != len(teacher):
            raise ValueError(
                f'{self.name}: s_feature has {len(student)} rows and t_feature {len(teacher)}; both must '
                'come from the same images.'
            )
        finite = finite_samples(student, teacher)
        if self.landmarks is not None:
            try:
                self._collect(student, teacher, gt_label, (s_weight, t_weight), finite)
            except ValueError as error:
                raise with_remedy(error, self.name) from error
        acts = self.acts
        usable = self._count(finite)
        if self.training:
            self._watch.saw(len(student))
            if self.step is None and self._watch.batches % BAD_BATCHES == 0:
                self.report()  # no hook does it after each iteration
        if acts:
            self._check_gradient(student, teacher, same=s_feature is t_feature)
            loss = self._compare(student, teacher, usable)
            if self.step is not None and self.step.ramp != 1:
                loss = loss * self.step.ramp
            self.last_value = loss.detach()
            probe = None if self.step is None else self.step.probe
            if probe is not None and self.training and torch.is_grad_enabled():
                probe(self, loss)
        else:
            loss = student.new_zeros((), dtype=torch.float32)
        if not acts and student.requires_grad:
            # The sum of no rows is 0, even of NaN. It keeps the student's connectors in the graph.
            loss = loss + student[:0].float().sum()
        return loss

    def refresh(
        self,
        all_reduce: Callable[[Tensor], None] | None = None,
        all_gather: Callable[[Tensor], list[Tensor]] | None = None,
        broadcast: Callable[[Tensor], None] | None = None,
    ) -> None:
        """See :class:`~mmnystrom.core.KernelTransferLoss`. Warns of samples that any rank has left out.

        Raises:
            KernelMatrixError: If the landmarks' kernel matrix has no root.
            ValueError: If labels make no sense, see :meth:`report`.
            NonFiniteError: See there.
        """
        if self.landmarks is not None and all_reduce is not None:
            self.landmarks.synchronize(all_reduce, all_gather)
            if self.landmarks.per_iteration:
                self.report_if_due()
            else:
                self.report()
        super().refresh(broadcast=broadcast)

    def feature_maps(self) -> tuple:
        """See :class:`~mmnystrom.core.KernelTransferLoss`; an error names this loss.

        Raises:
            KernelMatrixError: If the landmarks' kernel matrix has no root.
        """
        try:
            return super().feature_maps()
        except KernelMatrixError as error:
            raise KernelMatrixError(f'{self.name}: {error}') from error

    def report_if_due(self) -> None:
        """Call :meth:`report`: on a CPU always, on a device every tenth time. The hook does it.

        Raises:
            ValueError: See there.
            NonFiniteError: See there.
        """
        on_device = self._kept is not None and self._kept.device.type != 'cpu'
        if not on_device or self._watch.batches % LOOK_EVERY == 0:
            self.report()

    def report(self) -> None:
        """Warn of samples that were left out. It waits for the device, so it is not part of the forward.

        Raises:
            ValueError: If a label was outside [0, num_landmarks), or a soft label was no probability.
            NonFiniteError: If samples of many batches in a row were left out.
        """
        try:
            warning = None if self.landmarks is None else self.landmarks.collection_warning()
        except ValueError as error:
            raise with_remedy(error, self.name) from error
        rejected = 0 if self.rejected is None else int(self.rejected)
        warning = self._watch.look(self.name, rejected) or warning
        if warning and not self._reported:
            self._reported = True
            print_log(f'{self.name}: {warning}', logger='current', level=logging.WARNING)

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

    def _check_gradient(self, student: Tensor, teacher: Tensor, same: bool) -> None:
        """Refuse features that teach the student nothing."""
        if not (self.training and torch.is_grad_enabled()):
            return
        if same:
            raise RuntimeError(
                f'{self.name}: s_feature and t_feature are the same tensor: there is nothing to learn. '
                'Map s_feature with from_student=True and t_feature with from_student=False.'
            )
        if student.requires_grad:
            return
        message = (
            f'{self.name}: s_feature needs no gradient, so the loss trains nothing. It must be recorded '
            'from the student (from_student=True), from a layer that is trained (not of frozen_stages, '
            'not with requires_grad=False), and not inside a block that is checkpointed (with_cp=True): '
            'record the output of that block.'
        )
        if teacher.requires_grad or (self.step is not None and self.step.must_learn):
            raise RuntimeError(message)
        if self.step is None and not self._reported:  # it may not be a training run
            self._reported = True
            print_log(message, logger='current', level=logging.WARNING)

    @property
    def _needs(self) -> str | None:
        return None if self.landmarks is None else self.landmarks.needs

    def _collect(self, student, teacher, gt_label, weights, finite) -> None:
        if self.training and self.step is None:
            raise RuntimeError(
                'KDALoss is trained without a LandmarkHook, so its landmarks would never exist: add '
                "custom_hooks = [dict(type='LandmarkHook', warmup_epochs=5)] to the config."
            )
        if not self.training or not self.step.observing:
            self.landmarks.check_widths(student, teacher)
            return
        if any(weight is None for weight in weights):
            weights = None
        given = dict(labels=gt_label, indices=self.step.sample_indices, weights=weights)
        extra = given.get(self._needs)
        if self._needs and extra is None:
            raise ValueError(missing(self._needs, self.name))
        if self._needs == 'labels':
            extra = label_tensor(extra, self.name)
        self.observe(student.detach(), teacher.detach(), extra, finite)
