"""A watch over samples that a loss leaves out: a warning for some, an error for many in a row."""

from __future__ import annotations

#: A run is stopped after so many batches in a row: with some samples that are not finite, or with no
#: others.
BAD_BATCHES = 10
LOST_BATCHES = 3
#: On a GPU, whose host has to wait for what it looks at, so many batches go by between two looks.
LOOK_EVERY = 10


class NonFiniteError(ArithmeticError):
    """The features of many batches in a row are not finite."""


class NonFiniteWatch:
    """Counts batches with samples whose features are not finite.

    Example:
        >>> watch = NonFiniteWatch()
        >>> watch.saw(16)
        >>> watch.look('loss_kda', rejected=2)
        '2 samples have features that are not finite and were kept out of the loss and of ...'
    """

    def __init__(self) -> None:
        self.batches = 0
        self._samples = 0
        self._looked = (0, 0)
        self._rejected = 0
        self._bad = 0
        self._lost = 0

    def saw(self, samples: int) -> None:
        """Count a batch of the training."""
        self.batches += 1
        self._samples += samples

    def look(self, name: str, rejected: int) -> str | None:
        """Say what was left out since the last look; a second look at the same batch says nothing.

        Args:
            name: Of the loss, for messages.
            rejected: Samples left out so far.

        Returns:
            A warning, or None.

        Raises:
            NonFiniteError: If there were such samples many times in a row.
        """
        seen = self.batches, self._samples
        (batches, samples), self._looked = (a - b for a, b in zip(seen, self._looked, strict=True)), seen
        if not samples:
            return None
        new, self._rejected = rejected - self._rejected, rejected
        # Of several batches it is not known which ones: with fewer samples than batches some were good.
        self._bad = self._bad + batches if new >= batches else 0
        self._lost = self._lost + batches if new >= samples else 0
        if self._bad >= BAD_BATCHES or self._lost >= LOST_BATCHES:
            raise NonFiniteError(
                f'{name}: {self._bad} times in a row samples had features that are not finite, '
                f'{rejected} samples in all. A network has diverged, and this run is stopped. Look at '
                'the learning rate, the loss weights, the loss scale (--amp), and the teacher checkpoint.'
            )
        if not new:
            return None
        return (
            f'{new} samples have features that are not finite and were kept out of the loss and of the '
            'landmarks. Said once; look at the learning rate, the loss scale, or the teacher checkpoint.'
        )
