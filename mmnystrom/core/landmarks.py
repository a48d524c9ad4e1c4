"""Landmark strategies and the state they keep."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ClassCenter(nn.Module):
    """Class centres as landmarks: row j is the mean feature of class j, in either network.

    The Nystrom error is bounded by the quantisation error of the landmarks; with labels, the class
    means solve that clustering problem at no cost (Qian, Li and Hu, arXiv 2009.14416).
    Features are added up while an epoch runs (:meth:`observe`), the sums of all ranks are added
    (:meth:`pending` gives the tensors), and :meth:`commit` divides: the one place that writes the
    landmarks. A class not seen since the last commit keeps its landmark; one never seen is a row of
    zeros in both networks.

    The state is in ``state_dict()`` but not in ``buffers()``: what broadcasts or averages buffers
    (``broadcast_buffers=True``, SyncBuffersHook, EMAHook) would destroy the sums of the ranks. Sums
    and counts are float64 where the device has it. Widths are taken from the first features seen.

    Args:
        num_landmarks: m, the number of classes.

    Attributes:
        student (Tensor | None): The student's landmarks, shape (m, d_S), float32.
        teacher (Tensor | None): The teacher's landmarks, shape (m, d_T), float32.
        seen (Tensor): Whether landmark j exists, shape (m,), bool.
        student_sum (Tensor): Sum of the student's features since the last commit, shape (m, d_S).
        teacher_sum (Tensor): The same of the teacher, shape (m, d_T).
        count (Tensor): Weight of the samples in these sums, shape (m,); fractions for soft labels.
        refreshes (Tensor): Number of commits so far, scalar.
        ready (bool): Whether any landmark exists.
        rejected (Tensor): Samples left out since the last commit because a feature or a soft label
            was not finite, scalar.
        label_range (Tensor): Smallest and largest integer label met, and 0, shape (2,).

    Raises:
        ValueError: If ``num_landmarks`` is not a positive integer.
    """

    needs_labels = True
    _STATE = ('student', 'teacher', 'seen', 'student_sum', 'teacher_sum', 'count', 'refreshes')

    def __init__(self, num_landmarks: int) -> None:
        super().__init__()
        if not isinstance(num_landmarks, int) or isinstance(num_landmarks, bool) or num_landmarks < 1:
            raise ValueError(
                f'num_landmarks={num_landmarks!r} must be a positive integer: the number of classes.'
            )
        self.num_landmarks = num_landmarks
        for name in self._STATE:
            setattr(self, name, None)
        self.ready = False
        self.rejected = torch.zeros((), dtype=torch.long)
        self.label_range = torch.zeros(2, dtype=torch.long)

    def extra_repr(self) -> str:
        return f'num_landmarks={self.num_landmarks}'

    @torch.no_grad()
    def observe(self, s_feature: Tensor, t_feature: Tensor, labels: Tensor) -> None:
        """Add a batch to the sums.

        Samples with a feature that is not finite, in either network, are left out of both, and so
        are labels outside [0, m); :attr:`rejected` and :attr:`label_range` tell, without making the
        host wait for the device.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            labels: Class indices, shape (N,), or soft labels, shape (N, m).

        Raises:
            ValueError: If the labels have another shape, or a width differs from the landmarks'.
        """
        self._check_labels(labels, s_feature.shape[0])
        self._prepare(s_feature, t_feature)
        labels = labels.to(s_feature.device)
        usable = s_feature.isfinite().all(1) & t_feature.isfinite().all(1)
        soft = labels.ndim == 2
        if soft:
            usable &= (labels.isfinite() & (labels >= 0)).all(1)
        self.rejected += (~usable).sum()
        if not soft:
            labels = labels.long()
            self.label_range[0] = torch.minimum(self.label_range[0], labels.min())
            self.label_range[1] = torch.maximum(self.label_range[1], labels.max())
            usable &= (labels >= 0) & (labels < self.num_landmarks)
        unusable = ~usable[:, None]
        if soft:
            weight = labels.masked_fill(unusable, 0).to(self.count.dtype)
            self.count += weight.sum(0)
        else:
            index = labels.masked_fill(~usable, 0)
            self.count.index_add_(0, index, usable.to(self.count.dtype))
        for total, feature in ((self.student_sum, s_feature), (self.teacher_sum, t_feature)):
            rows = feature.masked_fill(unusable, 0).to(total.dtype)
            if soft:
                total += weight.T @ rows
            else:
                total.index_add_(0, index, rows)

    def pending(self) -> list[Tensor]:
        """The tensors to be summed over ranks, in place, before :meth:`commit`."""
        if self.count is None:
            return []
        return [self.student_sum, self.teacher_sum, self.count, self.rejected]

    def discard_pending(self) -> None:
        """Forget what was observed since the last commit."""
        for total in self.pending():
            total.zero_()

    @torch.no_grad()
    def commit(self) -> None:
        """Turn sums into landmarks and start new sums."""
        if self.count is None:
            return
        fresh = self.count > 0
        weight = self.count.masked_fill(~fresh, 1)[:, None]
        for name in ('student', 'teacher'):
            center = (getattr(self, f'{name}_sum') / weight).to(torch.float32)
            setattr(self, name, torch.where(fresh[:, None], center, getattr(self, name)))
        self.seen = self.seen | fresh
        self.refreshes = self.refreshes + 1
        self.ready = bool(self.seen.any())
        self.discard_pending()

    def check_widths(self, s_feature: Tensor, t_feature: Tensor) -> None:
        """Compare the features' widths with the landmarks'.

        Raises:
            ValueError: If one differs; with both widths.
        """
        for name, feature in (('student', s_feature), ('teacher', t_feature)):
            landmarks = getattr(self, name)
            if landmarks is not None and landmarks.shape[1] != feature.shape[1]:
                raise ValueError(
                    f"the {name}'s landmarks have width {landmarks.shape[1]} and its features width "
                    f'{feature.shape[1]}. Landmarks that come from a checkpoint must be of the same '
                    'layer and network: start without that checkpoint, or record the layer it had.'
                )

    def _check_labels(self, labels: Tensor, num_samples: int) -> None:
        if labels.shape not in ((num_samples,), (num_samples, self.num_landmarks)):
            raise ValueError(
                f'labels must have shape (N,) = ({num_samples},) or, when soft, (N, num_landmarks) = '
                f'({num_samples}, {self.num_landmarks}), got {tuple(labels.shape)}: set num_landmarks '
                'to the number of classes.'
            )
        if labels.ndim == 1 and labels.is_floating_point():
            raise ValueError(f'labels of shape (N,) must be integers, got {labels.dtype}.')

    def _prepare(self, s_feature: Tensor, t_feature: Tensor) -> None:
        self.check_widths(s_feature, t_feature)
        device = s_feature.device
        if self.count is None:
            m, wide = self.num_landmarks, torch.float32 if device.type == 'mps' else torch.float64
            self.seen = torch.zeros(m, dtype=torch.bool)
            self.count = torch.zeros(m, dtype=wide)
            self.refreshes = torch.zeros((), dtype=torch.long)
            for name, feature in (('student', s_feature), ('teacher', t_feature)):
                setattr(self, name, torch.zeros(m, feature.shape[1]))
                setattr(self, f'{name}_sum', torch.zeros(m, feature.shape[1], dtype=wide))
        if self.count.device != device or self.rejected.device != device:
            self._move(lambda tensor: tensor.to(device))

    def _move(self, fn) -> None:
        for name in (*self._STATE, 'rejected', 'label_range'):
            tensor = getattr(self, name)
            if tensor is not None:
                setattr(self, name, fn(tensor))

    def _apply(self, fn, *args, **kwargs):
        # Follow the module to another device, but not to another dtype.
        self._move(lambda tensor: tensor.to(fn(tensor).device))
        return super()._apply(fn, *args, **kwargs)

    def _save_to_state_dict(self, destination, prefix, keep_vars) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self.count is not None:
            for name in self._STATE:
                # Later batches are added in place; a state_dict is a moment's picture to its holder.
                destination[prefix + name] = getattr(self, name).clone()

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        mine = {name: state_dict[prefix + name] for name in self._STATE if prefix + name in state_dict}
        if mine:
            self._restore(mine, prefix)
        theirs = {key: value for key, value in state_dict.items() if not key.startswith(prefix)}
        super()._load_from_state_dict(theirs, prefix, *args)

    def _restore(self, state: dict[str, Tensor], prefix: str) -> None:
        missing = [name for name in self._STATE if name not in state]
        if missing:
            raise ValueError(f'the checkpoint holds {prefix}* without {", ".join(missing)}.')
        found = state['student'].shape[0]
        if found != self.num_landmarks:
            raise ValueError(
                f'the checkpoint holds {found} landmarks in {prefix}student and the config asks for '
                f'num_landmarks={self.num_landmarks}: they are of different class counts. Resume with '
                f'num_landmarks={found}, or start without that checkpoint.'
            )
        self.check_widths(state['student'], state['teacher'])
        for name, tensor in state.items():
            old = getattr(self, name)
            setattr(self, name, tensor.clone() if old is None else tensor.clone().to(old.device))
        self.ready = bool(self.seen.any())


LANDMARKS: dict[str, type[nn.Module]] = {'class_center': ClassCenter}


def build_landmarks(cfg: dict) -> nn.Module:
    """Build a landmark strategy.

    Args:
        cfg: ``dict(type='class_center', num_landmarks=100)``.

    Raises:
        TypeError: If ``cfg`` is no dict, or an argument is missing or unknown to the strategy.
        ValueError: If the strategy is unknown.

    Example:
        >>> build_landmarks(dict(type='class_center', num_landmarks=10))
        ClassCenter(num_landmarks=10)
    """
    if not isinstance(cfg, dict):
        raise TypeError(
            f'landmarks={cfg!r} must be a dict such as '
            "dict(type='class_center', num_landmarks=<number of classes>)."
        )
    cfg = dict(cfg)
    name = cfg.pop('type', None)
    if name not in LANDMARKS:
        raise ValueError(
            f'landmarks: type={name!r} is no landmark strategy: write one of {sorted(LANDMARKS)}.'
        )
    try:
        return LANDMARKS[name](**cfg)
    except TypeError as error:
        raise TypeError(
            f'landmarks=dict(type={name!r}, ...): {error}. Write '
            f'dict(type={name!r}, num_landmarks=<number of classes>).'
        ) from error
