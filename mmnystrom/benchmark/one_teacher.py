"""Whether reports are of one teacher, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ResultError

#: Points of top-1 that one teacher may have more on another device.
SAME_TOP1 = 0.1


def weights_of(part: dict, seed: int) -> str | None:
    """Hash of a part's teacher of a seed; None in reports that are older than it."""
    return (part.get('teacher_weights') or {}).get(str(seed))


def teachers_of(parts: Sequence[dict]) -> list[float]:
    """Top-1 of every teacher; one that several parts have counts once.

    Args:
        parts: What the reports are made of. Parts of one seed have one teacher, see :class:`Teacher`.
    """
    found: dict[object, float] = {}
    seen: set[int] = set()
    hashes = [frozenset(weights_of(part, seed) for seed in part['seeds']) - {None} for part in parts]
    for i in sorted(range(len(parts)), key=lambda i: not hashes[i]):  # those that are known come first
        top1, seeds = parts[i]['teacher'], set(parts[i]['seeds'])
        if top1 is not None and (hashes[i] or not seen & seeds):
            found.setdefault(hashes[i] or i, top1)
            seen |= seeds
    return list(found.values())


@dataclass(frozen=True)
class Teacher:
    """What a report says of the teacher of a seed.

    Args:
        file: The report.
        weights: Hash of the teacher's weights; None in reports that are older than it.
        top1: Of the teacher, in percent; None if it is unknown.
    """

    file: Path
    weights: str | None
    top1: float | None

    def check(self, other: Teacher, seed: int, same_teacher: bool) -> None:
        """Refuse what another report says, unless it is known, or said, to be of this teacher.

        Args:
            other: What the other says of this seed.
            seed: The seed.
            same_teacher: Whether somebody says that it is this one, which counts where the weights of one
                are unknown.

        Raises:
            ResultError: If the weights differ, one of them is unknown and nobody says that they are the
                same, or somebody does and the two have another top-1.
        """
        unknown = self.weights is None or other.weights is None
        if not unknown and self.weights == other.weights:
            return
        both = f'seed {seed} is in {self.file} and in {other.file}'
        if not (same_teacher and unknown):
            word = ' If you know that they are one, say so with --same-teacher.' if unknown else ''
            raise ResultError(
                f'{both}, not known to be of the same teacher (teacher_weights {self.weights} and '
                f'{other.weights}). All methods of a seed are compared with each other, so they have one '
                'teacher: train other seeds on the other machine, with --first-seed, or give it the '
                f'teacher of the first, with --teacher.{word}'
            )
        apart = None in (self.top1, other.top1) or abs(self.top1 - other.top1) > SAME_TOP1
        if apart:
            raise ResultError(
                f'--same-teacher: {both}, of teachers with {self.top1} % and {other.top1} %, which are '
                'two. Train other seeds on the other machine, with --first-seed.'
            )
