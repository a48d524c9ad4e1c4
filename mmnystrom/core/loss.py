"""The kernel-transfer loss: landmarks, kernel, form and distance put together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checks import check_number
from .distances import Cosine, build_distance, normalized
from .features import cast, computing_dtype, finite_samples, without_autocast
from .forms import Partial, build_form
from .kernels import build_kernel
from .landmarks import EVERY_ITERATION, Refresh, build_landmarks
from .measure import measure

#: Losses that are a choice of arguments; what a preset names can be changed beside it.
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
    # The same alignment of rows against landmarks, whatever the batch: see core.forms.Partial.
    'landmark_cka': dict(
        form=dict(type='partial', center=True), kernel='linear', distance='cosine', normalize='none'
    ),
}
DEFAULTS = dict(kernel='linear', form='partial', distance='smooth_l1', normalize=None)


class KernelTransferLoss(nn.Module):
    """Distance between the kernel matrices of student and teacher, as a batch can tell.

    Features (N, d_S) and (N, d_T) become rows (N, m) against the landmarks of each network (``form``),
    which are compared (``distance``) and scaled (``normalize``). With the defaults this is
    ``smooth_l1(C_S, C_T)``, summed, over ``||C_T||_F``: Qian, Li and Hu (arXiv 2009.14416), Corollary 2,
    in the form of the authors' code. Computed in float32 (in float64 for float64 input), whatever
    autocast says. The teacher's features and both networks' landmarks get no gradient.

    A sample whose features are not finite, in either network, is left out: the loss and its gradient
    are those of the batch without it. :attr:`rejected` counts these samples.

    Args:
        landmarks: Spec of :func:`~mmnystrom.core.build_landmarks`; None for ``form='batch'``, which
            has none. Defaults to None.
        kernel: Spec of :func:`~mmnystrom.core.build_kernel`. Defaults to ``'linear'``.
        form: Spec of :func:`~mmnystrom.core.build_form`. Defaults to ``'partial'``.
        distance: Spec of :func:`~mmnystrom.core.build_distance`. Defaults to ``'smooth_l1'``.
        normalize: What the sum over the batch is divided by: ``'teacher_norm'``, the Frobenius norm of
            the teacher's rows; ``'mean'``, the number of terms; ``'none'``. Defaults to None, the first
            that goes with the distance: ``'mean'`` for kl, ``'none'`` for cosine, else
            ``'teacher_norm'``.
        preset: ``'landmark_cka'``, centred alignment with the landmarks, or ``'sp'``, ``'cc'`` or
            ``'cka'``, a loss of others: see :data:`PRESETS`. Arguments given beside it replace its own.
            Defaults to None.
        loss_weight: Factor of the loss; the authors' code has 0.04. Defaults to 1.0.

    Attributes:
        rejected (Tensor | None): Samples left out so far, scalar, on the device of the features.

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
        self.kernel = build_kernel(chosen['kernel'])
        self.form = build_form(chosen['form'])
        self.distance = build_distance(chosen['distance'])
        self.normalize = self.distance.choose_normalization(chosen['normalize'])
        self.landmarks = self._build_landmarks(landmarks)
        self.form.check(self.kernel, getattr(self.landmarks, 'num_landmarks', None))
        self.rejected: Tensor | None = None
        self._rows: tuple | None = None
        self._version = -1

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
        if self.kernel.scale_free or getattr(self.form, 'normalize_features', False):
            return True
        lengths_cancel = isinstance(self.distance, Cosine) or getattr(self.form, 'normalize_rows', False)
        return self.kernel.homogeneous and lengths_cancel

    @property
    def ready(self) -> bool:
        """Whether there is something to compare: landmarks, or a form that has none."""
        return self.landmarks is None or self.landmarks.ready

    def rows(self) -> tuple:
        """The functions that make rows (N, m) of features, of student and teacher.

        They are made anew when the landmarks have changed: this is where roots are taken.

        Raises:
            KernelMatrixError: If the landmarks' kernel matrix has no root.
        """
        if self.landmarks is None:
            fitted = self.form.fit(self.kernel)
            return fitted, fitted
        if self._version != self.landmarks.version:
            landmarks = self.landmarks
            pairs = zip(landmarks.fitted_kernels(), landmarks.rows(), strict=True)
            weights = landmarks.weights()
            self._rows = tuple(self.form.fit(kernel, rows, weights) for kernel, rows in pairs)
            self._version = landmarks.version
        return self._rows

    def forward(self, s_feature: Tensor, t_feature: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            s_feature: The student's features, shape (N, d_S).
            t_feature: The teacher's features, shape (N, d_T). No gradient.

        Returns:
            Scalar, times ``loss_weight``.
        """
        return self._compare(s_feature, t_feature, self.keep_finite(s_feature, t_feature))

    def keep_finite(self, s_feature: Tensor, t_feature: Tensor) -> Tensor | None:
        """Tell which samples of a batch can enter the loss, and count the others.

        Args:
            s_feature: The student's features, shape (N, d_S).
            t_feature: The teacher's features, shape (N, d_T).

        Returns:
            Shape (N,), bool; None if all can and that is known without waiting for the device.
        """
        with without_autocast(s_feature.device):
            usable = finite_samples(s_feature, t_feature)
        if self.rejected is None or self.rejected.device != usable.device:
            self.rejected = torch.zeros((), dtype=torch.long, device=usable.device)
        if usable.device.type == 'cpu' and usable.all():  # no device to wait for
            return None
        self.rejected += (~usable).sum()
        return usable

    def _compare(self, s_feature: Tensor, t_feature: Tensor, usable: Tensor | None) -> Tensor:
        dtype = computing_dtype(s_feature, t_feature)
        s_rows, t_rows = self.rows()
        with without_autocast(s_feature.device):
            features = [cast(s_feature, dtype), cast(t_feature, dtype)]
            if usable is not None:
                # Before the kernel, whose gradient would be NaN; 0 times NaN is NaN.
                features = [feature.masked_fill(~usable[:, None], 0) for feature in features]
            student = s_rows(features[0], usable)
            with torch.no_grad():
                teacher = t_rows(features[1], usable)
            rows = dict(usable=usable, columns=s_rows.columns(usable))
            return normalized(self.distance, self.normalize, student, teacher, self.loss_weight, **rows)

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
        if getattr(self.form, 'normalize_features', False):
            s_feature, t_feature = (F.normalize(x.float(), dim=1) for x in (s_feature, t_feature))
        if self.landmarks is None or not self.landmarks.ready:
            kernels = self.kernel, self.kernel
            return {} if self.kernel.needs_fit else measure(s_feature, t_feature, kernels, tile=tile)
        landmarks = self.landmarks
        cut = {
            name: getattr(self.form, name) for name in ('rank', 'threshold') if hasattr(self.form, name)
        }
        found = measure(
            s_feature, t_feature, landmarks.fitted_kernels(), landmarks.rows(), tile=tile, **cut
        )
        found['landmarks'] = landmarks.in_use
        if landmarks.drift is not None:
            found['drift_student'], found['drift_teacher'] = landmarks.drift.tolist()
        return found

    def _build_landmarks(self, spec):
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
        landmarks = build_landmarks(spec)
        landmarks.kernel = self.kernel
        if landmarks.refresh is EVERY_ITERATION and not isinstance(self.form, Partial):
            landmarks.refresh = Refresh()
        return landmarks


def _preset(name: str | None) -> dict:
    if name is None:
        return {}
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f'preset={name!r} is unknown: write one of {sorted(PRESETS)}.')
    return PRESETS[name]
