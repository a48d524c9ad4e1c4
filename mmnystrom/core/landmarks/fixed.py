"""Landmarks that the user chose: training images by position, or two matrices."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ..checks import check_integer
from .base import Landmarks
from .means import Means
from .schedule import Selection, Use


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
        self,
        indices: Sequence[int],
        refresh: dict | None = None,
        init: str | None = None,
        use: Use | None = None,
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
        super().__init__(len(indices), refresh, init, use)
        self._sorted, self._slots = torch.tensor(indices).sort()

    def within(self, size: int) -> int:
        """How many of the images a data set of ``size`` images has."""
        return int((self._sorted < size).sum())

    @torch.no_grad()
    def observe(
        self, s_feature: Tensor, t_feature: Tensor, extra: Tensor, finite: Tensor | None = None
    ) -> None:
        """Take the chosen images of a batch.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            extra: Positions of the images in the data set, shape (N,), on the CPU.
            finite: Which of them are finite, shape (N,), if that is known already. Defaults to None.

        Raises:
            ValueError: If a width differs from the landmarks', or ``extra`` has another shape.
        """
        if extra.shape != s_feature.shape[:1]:
            raise ValueError(
                f'{len(s_feature)} features came with the positions of {len(extra)} images: fixed '
                'landmarks need one position a feature row.'
            )
        finite = self._prepare(s_feature, t_feature, finite)
        place = torch.searchsorted(self._sorted, extra).clamp_max(len(self._sorted) - 1)
        chosen = (self._sorted[place] == extra).nonzero().flatten()  # on the CPU: waits for no device
        if not len(chosen):
            return
        slots, chosen = (_sent(x, s_feature.device) for x in (self._slots[place[chosen]], chosen))
        self._add(s_feature[chosen], t_feature[chosen], slots, finite[chosen])

    def select(self) -> Selection | None:
        """Divide the sums by the counts. Warn of images that were never met."""
        found = super().select()
        if found is None:
            return None
        met = found.weight > 0
        missing = int((~(met if self.exists is None else met | self.exists)).sum())
        if missing:
            warnings.warn(
                f'{missing} of the {self.num_landmarks} fixed landmarks were not met in the training '
                'data since the last refresh and do not exist: look at indices and the length of the '
                'data set.',
                UserWarning,
                stacklevel=3,
            )
        return found


class FixedRows(Landmarks):
    """Landmarks that the user gives as two matrices. They never change.

    Args:
        student: The student's landmarks, shape (m, d_S), anything :func:`torch.as_tensor` takes.
        teacher: The teacher's, shape (m, d_T).

    Raises:
        ValueError: If they are not two finite matrices of as many rows.
    """

    strategy = 'fixed'

    def __init__(self, student, teacher, use: Use | None = None) -> None:
        rows = [_matrix(name, x) for name, x in (('student', student), ('teacher', teacher))]
        shapes = [tuple(row.shape) for row in rows]
        fits = all(row.ndim == 2 and len(row) and row.isfinite().all() for row in rows)
        if not fits or len(rows[0]) != len(rows[1]):
            raise ValueError(
                f'student and teacher must be finite matrices (m, d_S) and (m, d_T) with the same m, got '
                f'the shapes {shapes[0]} and {shapes[1]}.'
            )
        super().__init__(len(rows[0]), use=use)
        self._write(Selection(*rows))

    _width_remedy = (
        'Give {name}= (or the array {name} of file=) as wide as the features of the layer that is '
        'recorded, or record the layer that the landmarks are made for.'
    )

    @property
    def exist_at_once(self) -> bool:
        """True: they are given."""
        return True

    def observe(self, s_feature: Tensor, t_feature: Tensor, extra: None = None) -> None:
        """Check the widths; nothing is collected."""
        self.check_widths(s_feature, t_feature)
        self.follow(s_feature.device)

    def select(self) -> None:
        """None: given landmarks never change."""
        return


def _sent(x: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on the device. Nothing waits for it: only pinned memory is sent that way."""
    return x.pin_memory().to(device, non_blocking=True) if device.type == 'cuda' else x.to(device)


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
    use: Use | None = None,
) -> Landmarks:
    """Build landmarks that the user chose.

    Args:
        indices: See :class:`FixedSamples`. Defaults to None.
        student: See :class:`FixedRows`. Defaults to None.
        teacher: See there. Defaults to None.
        num_landmarks: m, to be checked against what is given. Defaults to None.
        refresh: For ``indices``, see :class:`Landmarks`. Defaults to None.
        init: For ``indices``, see there. Defaults to None.
        use: See there. Defaults to None.

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
    built = FixedRows(student, teacher, use) if rows else FixedSamples(indices, refresh, init, use)
    if num_landmarks not in (None, built.num_landmarks):
        raise ValueError(
            f'num_landmarks={num_landmarks!r}, but {built.num_landmarks} landmarks are given: leave '
            'num_landmarks out.'
        )
    return built
