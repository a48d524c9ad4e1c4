"""Landmarks that are the rows of the two classifiers."""

from __future__ import annotations

from torch import Tensor

from ..features import feature_rows
from .base import Landmarks
from .schedule import Selection, Use


class Classifier(Landmarks):
    """The rows of the two classifiers' weights: row j is class j.

    With the features before the classifier, the linear kernel's C holds the logits without the bias.
    By default the rows are those of the moment, in every iteration (once an epoch under
    ``form='nystrom'``, whose root costs more, and for a kernel whose gamma is found in them); with
    another ``refresh``, those of the last refresh.
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
    local = True

    def __init__(
        self,
        num_landmarks: int | None = None,
        refresh: dict | None = None,
        init: None = None,
        use: Use | None = None,
    ) -> None:
        if init is not None:
            raise ValueError(f'init={init!r}: classifier landmarks exist from the first iteration.')
        super().__init__(num_landmarks, refresh, use=use)
        if refresh is None:
            self.refresh = self.use.every_iteration
        self._latest: tuple[Tensor, Tensor] | None = None

    @property
    def exist_at_once(self) -> bool:
        """True: the classifiers exist."""
        return True

    def observe(self, s_feature: Tensor, t_feature: Tensor, extra: tuple[Tensor, Tensor]) -> None:
        """Remember the weights.

        Args:
            s_feature: Shape (N, d_S).
            t_feature: Shape (N, d_T).
            extra: The classifiers' weights, shapes (m, d_S) and (m, d_T).

        Raises:
            ValueError: If a shape does not fit.
        """
        names = ('s_weight', 't_weight')
        weights = [feature_rows(w, name).detach() for w, name in zip(extra, names, strict=True)]
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
        self.follow(weights[0].device)
        self._latest = weights[0], weights[1]

    def select(self) -> Selection | None:
        """Copy the weights of the last batch."""
        if self._latest is None:
            return None
        return Selection(*(weight.clone() for weight in self._latest))
