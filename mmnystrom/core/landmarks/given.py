"""Landmarks that need no features: the rows of the classifiers, or what the user gives."""

from __future__ import annotations

import torch
from torch import Tensor

from ..features import feature_rows
from .base import EVERY_ITERATION, Landmarks
from .sums import FixedSamples


class Classifier(Landmarks):
    """The rows of the two classifiers' weights: row j is class j.

    With the features before the classifier, the linear kernel's C holds the logits without the bias.
    By default the rows are those of the moment, in every iteration (once an epoch under
    ``form='nystrom'``, whose root costs more); with another ``refresh``, those of the last refresh.
    They get no gradient.

    Args:
        num_landmarks: m, the number of classes. Defaults to None: as many as there are rows.
        refresh: See :class:`~mmnystrom.core.landmarks.Landmarks`. Defaults to None, which is
            ``dict(by_epoch=False, interval=1)`` here.
        init: None: the landmarks exist from the first iteration.

    Raises:
        ValueError: If an argument makes no sense.
    """

    strategy = 'classifier'
    needs = 'weights'

    def __init__(
        self, num_landmarks: int | None = None, refresh: dict | None = None, init: None = None
    ) -> None:
        if init is not None:
            raise ValueError(f'init={init!r}: classifier landmarks exist from the first iteration.')
        super().__init__(num_landmarks, refresh)
        if refresh is None:
            self.refresh = EVERY_ITERATION
        self._latest: tuple[Tensor, Tensor] | None = None

    @property
    def exist_at_once(self) -> bool:
        """The classifiers do."""
        return True

    @property
    def refreshes_itself(self) -> bool:
        """In every iteration, if that is its schedule: the rows must be those of the moment."""
        return not self.refresh.by_epoch and self.refresh.interval == 1

    def observe(self, s_feature: Tensor, t_feature: Tensor, side: tuple[Tensor, Tensor]) -> None:
        """Remember the weights.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            side: The classifiers' weights, shapes (m, d_S) and (m, d_T).

        Raises:
            ValueError: If a shape does not fit.
        """
        names = ('s_weight', 't_weight')
        weights = [feature_rows(w, name).detach() for w, name in zip(side, names, strict=True)]
        for name, weight, feature in zip(names, weights, (s_feature, t_feature), strict=True):
            if weight.shape[1] != feature.shape[1]:
                raise ValueError(
                    f'{name} has shape {tuple(weight.shape)} and the features width {feature.shape[1]}: '
                    'classifier landmarks are for the features that enter the classifier.'
                )
        expected = len(weights[0]) if self.num_landmarks is None else self.num_landmarks
        if {len(weight) for weight in weights} != {expected}:
            raise ValueError(
                f's_weight has {len(weights[0])} rows and t_weight {len(weights[1])}, '
                f'num_landmarks={self.num_landmarks}: all must be the number of classes.'
            )
        self._latest = weights[0], weights[1]
        if self.refreshes_itself or not self.ready:
            self.commit()

    @torch.no_grad()
    def commit(self) -> None:
        """Make landmarks of the last weights; in every iteration without waiting for the device."""
        if not (self.refreshes_itself and self.ready) or self.kernel.needs_fit or self._latest is None:
            super().commit()
            return
        for name, new in zip(('student', 'teacher'), self._latest, strict=True):
            new = new.float()
            setattr(self, name, new + self.refresh.momentum * (getattr(self, name) - new))
        self.refreshes = self.refreshes + 1
        self.version += 1

    def select(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """Copies of the weights of the last batch."""
        if self._latest is None:
            return None
        student, teacher = (weight.float().clone() for weight in self._latest)
        return student, teacher, torch.ones(len(student), device=student.device)


class FixedRows(Landmarks):
    """Landmarks that the user gives as numbers, which nothing changes.

    Args:
        student: The student's landmarks, shape (m, d_S), anything :func:`torch.as_tensor` takes.
        teacher: The teacher's, shape (m, d_T).

    Raises:
        ValueError: If they are not two finite matrices of as many rows.
    """

    strategy = 'fixed'

    def __init__(self, student, teacher) -> None:
        rows = [_matrix(name, x) for name, x in (('student', student), ('teacher', teacher))]
        shapes = [tuple(row.shape) for row in rows]
        fits = all(row.ndim == 2 and len(row) and row.isfinite().all() for row in rows)
        if not fits or len(rows[0]) != len(rows[1]):
            raise ValueError(
                f'student and teacher must be finite matrices (m, d_S) and (m, d_T) with the same m, got '
                f'the shapes {shapes[0]} and {shapes[1]}.'
            )
        super().__init__(len(rows[0]))
        self.student, self.teacher = (row.clone() for row in rows)
        self.seen = torch.ones(len(rows[0]), dtype=torch.bool)
        self.changed()

    _width_remedy = (
        'Give {name}= (or the array {name} of file=) as wide as the features of the layer that is '
        'recorded, or record the layer that the landmarks are made for.'
    )

    @property
    def exist_at_once(self) -> bool:
        """They are given."""
        return True

    def observe(self, s_feature: Tensor, t_feature: Tensor, side: None = None) -> None:
        """Check the widths; nothing is collected."""
        self.check_widths(s_feature, t_feature)
        self.follow(s_feature.device)

    def select(self) -> None:
        """Nothing new."""
        return


def _matrix(name: str, rows) -> Tensor:
    try:
        return torch.as_tensor(rows, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f'{name} must be a matrix of numbers (m, d), got {type(rows).__name__}: {error}'
        ) from None


def fixed(
    indices=None,
    student=None,
    teacher=None,
    num_landmarks: int | None = None,
    refresh: dict | None = None,
    init: str | None = None,
) -> Landmarks:
    """Landmarks the user chose: training images by position, or the numbers themselves.

    Args:
        indices: See :class:`FixedSamples`. Defaults to None.
        student: See :class:`FixedRows`. Defaults to None.
        teacher: See there. Defaults to None.
        num_landmarks: m, to be checked against what is given. Defaults to None.
        refresh: For ``indices``, see :class:`Landmarks`. Defaults to None.
        init: For ``indices``, see there. Defaults to None.

    Raises:
        ValueError: If neither or both are given, or they make no sense.
    """
    rows = student is not None or teacher is not None
    if rows == (indices is not None) or (student is None) != (teacher is None):
        raise ValueError(
            'fixed landmarks are given by indices=[...], positions in the training data set, or by '
            'student=... and teacher=..., two matrices; give one of these.'
        )
    if rows and (refresh is not None or init is not None):
        raise ValueError(
            f'refresh={refresh!r}, init={init!r}: landmarks given as student and teacher never change; '
            'leave both out, or give indices.'
        )
    built = FixedRows(student, teacher) if rows else FixedSamples(indices, refresh, init)
    if num_landmarks not in (None, built.num_landmarks):
        raise ValueError(
            f'num_landmarks={num_landmarks!r}, but {built.num_landmarks} landmarks are given: leave '
            'num_landmarks out.'
        )
    return built
