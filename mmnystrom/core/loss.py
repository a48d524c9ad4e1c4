"""The kernel-transfer loss. It puts landmarks, kernel, form and distance together."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .checks import check_number
from .distances import DISTANCES, normalized
from .features import cast, computing_dtype, feature_rows, finite_samples, without_autocast
from .forms import FORMS
from .kernels import KERNELS, Kernel
from .landmarks import LANDMARKS, Landmarks, Use
from .maps import GramMap, LandmarkMap
from .measure import measure

#: Losses that are a choice of arguments. An argument given beside a preset replaces its own.
PRESETS: dict[str, dict] = {
    # Similarity preserving (Tung and Mori, ICCV 2019), eq. 4.
    'sp': dict(
        form=dict(type='batch', normalize_rows=True), kernel='linear', distance='mse', normalize='mean'
    ),
    # Correlation congruence (Peng et al., ICCV 2019), eq. 7 with the Gaussian kernel itself in the
    # place of its Taylor series, gamma = 0.4.
    'cc': dict(
        form=dict(type='batch', normalize_features=True),
        kernel=dict(type='rbf', gamma=0.4),
        distance='mse',
        normalize='mean',
    ),
    # Centred kernel alignment (Kornblith et al., ICML 2019; Cortes et al., JMLR 2012), 1 - CKA.
    'cka': dict(
        form=dict(type='batch', center=True), kernel='linear', distance='cosine', normalize='none'
    ),
    # Probabilistic knowledge transfer (Passalis and Tefas, ECCV 2018), eq. 4 to 7 with the cosine kernel
    # (1 + cos) / 2, the mean of all terms as in the authors' code.
    'pkt': dict(
        form=dict(type='batch', normalize_features=True),
        kernel=dict(type='polynomial', degree=1, gamma=0.5, coef0=0.5),
        distance='row_kl',
        normalize='mean',
    ),
    # The same alignment of rows against landmarks, whatever the batch: see core.forms.Partial.
    'landmark_cka': dict(
        form=dict(type='partial', center=True), kernel='linear', distance='cosine', normalize='none'
    ),
    # Features of both networks, turned by their landmarks so that they can be compared one to one, and
    # correlated: see core.forms.Nystrom.fold_root and core.distances.Correlation.
    'nystrom_correlation': dict(
        form=dict(type='nystrom', center=True),
        kernel='linear',
        distance='correlation',
        normalize='none',
    ),
}
DEFAULTS = dict(kernel='linear', form='partial', distance='smooth_l1', normalize=None)


class KernelTransferLoss(nn.Module):
    """Distance between the kernel matrices of student and teacher, estimated from a batch.

    Features (N, d_S) and (N, d_T) become rows (N, m) against the landmarks of each network (``form``),
    which are compared (``distance``) and scaled (``normalize``). With the defaults this is
    ``smooth_l1(C_S, C_T)``, summed, over ``||C_T||_F``: Qian, Li and Hu (arXiv 2009.14416), Corollary 2,
    in the form of the authors' code. Computed in float32 (in float64 for float64 input), whatever
    autocast says. The teacher's features and both networks' landmarks get no gradient.

    A sample whose features are not finite, in either network, is left out: the loss and its gradient
    are those of the batch without it. :attr:`rejected` counts these samples.

    Args:
        landmarks: A member of :data:`~mmnystrom.core.LANDMARKS`: its name, or
            ``dict(type=<name>, ...)`` with its arguments. None for ``form='batch'``, which has none.
            Defaults to None.
        kernel: A member of :data:`~mmnystrom.core.KERNELS`. Defaults to ``'linear'``.
        form: A member of :data:`~mmnystrom.core.FORMS`. Defaults to ``'partial'``.
        distance: A member of :data:`~mmnystrom.core.DISTANCES`. Defaults to ``'smooth_l1'``.
        normalize: What the sum over the batch is divided by: ``'teacher_norm'``, the Frobenius norm of
            the teacher's rows; ``'mean'``, the number of terms; ``'none'``. Defaults to None, the first
            that goes with the distance: ``'mean'`` for kl, ``'none'`` for cosine and correlation, else
            ``'teacher_norm'``.
        preset: ``'landmark_cka'``, centred alignment with the landmarks, ``'nystrom_correlation'``,
            correlations of centred Nystrom factors, or ``'sp'``, ``'cc'``, ``'cka'`` or ``'pkt'``, a
            loss of others: see :data:`PRESETS`. Arguments given beside it replace its own. Defaults to
            None.
        loss_weight: Factor of the loss; the authors' code has 0.04. Defaults to 1.0.

    Raises:
        TypeError: If an argument is missing, unknown or of the wrong type.
        ValueError: If a choice is unknown, a number makes no sense, or two choices do not go together.

    Example:
        >>> loss = KernelTransferLoss(dict(type='fixed', student=torch.eye(2), teacher=torch.eye(2)))
        >>> loss(2 * torch.eye(2), torch.eye(2))  # (0.5 + 0.5) / sqrt(2)
        tensor(0.7071)
    """

    def __init__(
        self,
        landmarks: dict | str | None = None,
        kernel: str | dict | None = None,
        form: str | dict | None = None,
        distance: str | dict | None = None,
        normalize: str | None = None,
        preset: str | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        check_number('loss_weight', loss_weight, low_included=True)
        self.loss_weight = loss_weight
        given = dict(kernel=kernel, form=form, distance=distance, normalize=normalize)
        chosen = {**DEFAULTS, **_preset(preset)}
        chosen.update({name: value for name, value in given.items() if value is not None})
        self.kernel = KERNELS.build(chosen['kernel'])
        self.form = FORMS.build(chosen['form'])
        self.distance = DISTANCES.build(chosen['distance'])
        self.normalize = self.distance.choose_normalization(chosen['normalize'])
        self.landmarks = self._build_landmarks(landmarks)
        self.form.check(self.kernel, None if self.landmarks is None else self.landmarks.num_landmarks)
        self._looked_at = 0
        self._kept: Tensor | None = None
        self._kernels: tuple[Kernel, Kernel] | None = None
        self._maps: tuple | None = None
        self._made_of: tuple[Tensor | None, Tensor | None] = (None, None)

    def extra_repr(self) -> str:
        return (
            f'kernel={self.kernel}, form={self.form}, distance={self.distance}, '
            f'normalize={self.normalize!r}, loss_weight={self.loss_weight}'
        )

    @property
    def scale_free(self) -> bool:
        """Whether the features of either network, times a constant, give the same loss.

        If not, a student whose features are much longer or shorter than the teacher's is made to
        change their length before anything else.
        """
        if self.kernel.scale_free or self.form.unit_features:
            return True
        return self.kernel.homogeneous and (self.distance.scale_free or self.form.unit_rows)

    @property
    def ready(self) -> bool:
        """Whether there is something to compare: landmarks, or a form that has none."""
        return self.landmarks is None or self.landmarks.ready

    def observe(
        self, s_feature: Tensor, t_feature: Tensor, extra=None, finite: Tensor | None = None
    ) -> None:
        """Let the landmarks' strategy collect from a batch.

        Landmarks that every rank has by itself and that shall be new in every iteration are refreshed
        at once; the others when :meth:`refresh` is called.

        Args:
            s_feature: The student's features, shape (N, d_S).
            t_feature: The teacher's features, shape (N, d_T).
            extra: What ``landmarks.needs`` names: labels, positions in the data set, or classifiers'
                weights.
            finite: What :func:`finite_samples` says of them, shape (N,), if that is known already.
                Defaults to None.

        Raises:
            ValueError: If a shape does not fit.
        """
        known = {} if finite is None or not self.landmarks.takes_finite else dict(finite=finite)
        self.landmarks.observe(s_feature, t_feature, extra, **known)
        if self.landmarks.local and (self.landmarks.per_iteration or not self.landmarks.ready):
            self.refresh()

    @torch.no_grad()
    def update(self, s_feature: Tensor, t_feature: Tensor, extra=None) -> None:
        """Collect from a batch of a training loop of one's own: :meth:`observe` of pooled features.

        Call it in every iteration, and :meth:`refresh` at the end of the epoch. No gradient goes through.

        Args:
            s_feature: The student's features, shape (N, d_S) or (N, d_S, 1, 1).
            t_feature: The teacher's features, shape (N, d_T) or (N, d_T, 1, 1).
            extra: As for :meth:`observe`: labels for class centres. Defaults to None.

        Raises:
            ValueError: If a shape does not fit, or the form has no landmarks.

        Example:
            >>> kda = KernelTransferLoss(dict(type='class_center', num_landmarks=2))
            >>> kda.update(torch.eye(2), torch.eye(2), torch.arange(2))
            >>> kda.refresh()
            >>> kda(2 * torch.eye(2), torch.eye(2))
            tensor(0.7071)
        """
        if self.landmarks is None:
            raise ValueError(
                "form='batch' has no landmarks to collect: leave update() and refresh() out."
            )
        rows = (feature_rows(s_feature, 's_feature'), feature_rows(t_feature, 't_feature'))
        self.observe(*rows, extra)

    def refresh(
        self,
        all_reduce: Callable[[Tensor], None] | None = None,
        all_gather: Callable[[Tensor], list[Tensor]] | None = None,
        broadcast: Callable[[Tensor], None] | None = None,
    ) -> None:
        """Make landmarks of what was collected, and everything that follows from them.

        For the arguments see :meth:`~mmnystrom.core.landmarks.Landmarks.commit`; without them there is
        one collector.

        Raises:
            KernelMatrixError: If the landmarks' kernel matrix has no root.
        """
        if self.landmarks is None:
            return
        self.landmarks.commit(all_reduce, all_gather, broadcast)
        if self.landmarks.ready:
            self.feature_maps()

    def feature_maps(self) -> tuple[LandmarkMap | GramMap, LandmarkMap | GramMap]:
        """The maps from features (N, d) to kernel rows (N, m), of student and teacher.

        Raises:
            RuntimeError: If there are no landmarks yet.
            KernelMatrixError: If the landmarks' kernel matrix has no root.
        """
        self._fit()
        return self._maps

    def fitted_kernels(self) -> tuple[Kernel, Kernel]:
        """The student's kernel and the teacher's, each with the parameter found in its landmarks.

        Raises:
            RuntimeError: If there are no landmarks yet.
        """
        self._fit()
        return self._kernels

    def _fit(self) -> None:
        """Compute what follows from the landmarks, if they have changed."""
        landmarks = self.landmarks
        if landmarks is None:
            if self._maps is None:
                self._kernels = (self.kernel, self.kernel)
                self._maps = (self.form.fit(self.kernel),) * 2
            return
        if not landmarks.ready:
            raise RuntimeError('there are no landmarks yet: call observe() and refresh() first.')
        # Only a commit changes landmarks, and it makes new tensors.
        if self._made_of[0] is landmarks.student and self._made_of[1] is landmarks.teacher:
            return
        active, weight = landmarks.active(), landmarks.active_weight()
        kernels = tuple(self.kernel.fit(rows) for rows in active)
        pairs = zip(kernels, active, strict=True)
        self._maps = tuple(self.form.fit(kernel, rows, weight) for kernel, rows in pairs)
        self._kernels = kernels
        self._made_of = landmarks.student, landmarks.teacher

    def forward(self, s_feature: Tensor, t_feature: Tensor, finite: Tensor | None = None) -> Tensor:
        """Loss of a batch.

        Args:
            s_feature: The student's features, shape (N, d_S).
            t_feature: The teacher's features, shape (N, d_T). No gradient.
            finite: See :meth:`observe`. Defaults to None.

        Returns:
            Scalar, times ``loss_weight``.
        """
        if finite is None:
            finite = finite_samples(s_feature, t_feature)
        return self._compare(s_feature, t_feature, self._count(finite))

    @property
    def rejected(self) -> Tensor | None:
        """Samples left out so far, scalar, on the device of the features; None before the first."""
        return None if self._kept is None else self._looked_at - self._kept

    def _count(self, finite: Tensor) -> Tensor | None:
        """Count the samples that are left out; None if there are none, and no device is waited for."""
        if self._kept is None or self._kept.device != finite.device:
            self._looked_at = 0
            self._kept = torch.zeros((), dtype=torch.long, device=finite.device)
        if finite.device.type == 'cpu' and finite.all():  # no device to wait for
            return None
        # Counted like this they need no mask of their own.
        self._looked_at += len(finite)
        self._kept += finite.sum()
        return finite

    def _compare(self, s_feature: Tensor, t_feature: Tensor, usable: Tensor | None) -> Tensor:
        dtype = computing_dtype(s_feature, t_feature)
        s_map, t_map = self.feature_maps()
        with without_autocast(s_feature.device):
            features = [cast(s_feature, dtype), cast(t_feature, dtype)]
            if usable is not None:
                # This must come before the kernel. Masking its result would leave a gradient of 0 * NaN.
                features = [torch.where(usable[:, None], feature, 0) for feature in features]
            student = s_map(self.form.prepare(features[0]), usable)
            with torch.no_grad():
                teacher = t_map(self.form.prepare(features[1]), usable)
            which = dict(usable=usable, columns=s_map.columns(usable))
            return normalized(self.distance, self.normalize, student, teacher, self.loss_weight, **which)

    def measure(self, s_feature: Tensor, t_feature: Tensor, tile: int = 1024) -> dict[str, float]:
        """How much of the teacher's kernel matrix, by this loss's kernel, arrived over a data set.

        Args:
            s_feature: The student's features, shape (n, d_S).
            t_feature: The teacher's features of the same images, shape (n, d_T).
            tile: See :func:`~mmnystrom.core.measure`. Defaults to 1024.

        Returns:
            What :func:`~mmnystrom.core.measure` gives, and ``landmarks``, the number in use, and
            ``drift_student`` and ``drift_teacher``, how far the last refresh moved them. Without what
            needs landmarks while there are none, and empty while the kernel's gamma is not found.

        Raises:
            KernelMatrixError: If the landmarks' kernel matrix has no root.
        """
        features = [self.form.prepare(x.float()) for x in (s_feature, t_feature)]
        if self.landmarks is None or not self.landmarks.ready:
            kernels = self.kernel, self.kernel
            return {} if self.kernel.needs_fit else measure(*features, kernels, tile=tile)
        landmarks = self.landmarks
        cut = dict(rank=self.form.rank, threshold=self.form.threshold)
        found = measure(*features, self.fitted_kernels(), landmarks.active(), tile=tile, **cut)
        found['landmarks'] = landmarks.num_active
        if landmarks.drift is not None:
            found['drift_student'], found['drift_teacher'] = landmarks.drift.tolist()
        return found

    def _build_landmarks(self, spec: dict | str | None) -> Landmarks | None:
        if not self.form.needs_landmarks:
            if spec is not None:
                raise ValueError(
                    f"landmarks={spec!r}: form='batch' compares the images of a batch with each other "
                    "and has no landmarks: leave landmarks out, or take form='partial' or 'nystrom'."
                )
            return None
        if spec is None:
            raise ValueError(
                f'landmarks is missing: {type(self.form).__name__} rows are features against landmarks. '
                "Give landmarks=dict(type='class_center', num_landmarks=<number of classes>)."
            )
        return LANDMARKS.build(spec, use=Use(self.kernel, self.form.takes_root))


def _preset(name: str | None) -> dict:
    if name is None:
        return {}
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f'preset={name!r} is unknown: write one of {sorted(PRESETS)}.')
    return PRESETS[name]
