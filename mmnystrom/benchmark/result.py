"""Figures of a method: top-1, transfer from the teacher, differences to the baselines."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, field
from itertools import compress

from torch import Tensor

from mmnystrom.core import build_kernel, measure

from .differences import BASELINES, differences
from .errors import ResultError
from .plan import Run
from .replayed import Replayed
from .scatter import Scatter

LAYERS = ('pre-FC', 'post-FC')
#: What is measured between student and teacher, see :func:`mmnystrom.core.measure`.
FIGURES = ('transfer', 'cka')
#: What :func:`~.evaluate.measure_costs` notes.
COSTS = ('time', 'memory', 'memory_bytes', 'extra_parameters', 'time_replayed')
LINEAR = build_kernel('linear'), build_kernel('linear')


def top1(logits: Tensor, labels: Tensor) -> float:
    """Percent of images that are classified rightly. A row that is not finite is wrong.

    Args:
        logits: Shape (N, classes).
        labels: Shape (N,).
    """
    right = (logits.argmax(1) == labels) & logits.isfinite().all(1)
    return 100 * right.double().mean().item()


def checked_top1(run: Run, logits: Tensor, labels: Tensor) -> float:
    """Top-1 of a run's checkpoint.

    Raises:
        ResultError: If the run logged another one.
    """
    found, logged = top1(logits, labels), run.folder.logged()[-1]
    # Two images may differ, or one in a thousand: a GPU does not always add up in the same order, and a
    # run may be reported on another device than it was trained on.
    if abs(found - logged) > max(200 / len(labels), 0.1) + 0.01:
        raise ResultError(
            f'{run}: the checkpoint has top-1 {found:.2f}, but its run logged {logged:.2f}.'
        )
    return found


@dataclass
class Result:
    """Figures of one method, a value a finished seed.

    Args:
        seeds: The finished seeds.
        top1: Top-1 of the last checkpoint on the test split, in percent.
        best: The highest top-1 that a validation logged.
        diverged: The seeds whose logits are not finite. They have no transfer.
        transfer: Layer -> ``||K_S - K_T||_F / ||K_T||_F`` with the linear kernel.
        cka: Layer -> centred kernel alignment with the teacher.
        versus: Name of a baseline -> the difference to it, see :func:`~.tables.paired`.
        costs: Time and memory of a training step, see :func:`~.evaluate.measure_costs`.
        replayed: What the last added run replayed; None if it has no hook that replays.
    """

    seeds: list[int] = field(default_factory=list)
    top1: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    diverged: list[int] = field(default_factory=list)
    transfer: dict[str, list[float]] = field(default_factory=lambda: {layer: [] for layer in LAYERS})
    cka: dict[str, list[float]] = field(default_factory=lambda: {layer: [] for layer in LAYERS})
    versus: dict[str, dict] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    replayed: Replayed | None = None

    def add(self, run: Run, found: dict[str, Tensor], labels: Tensor, teacher: dict | None) -> None:
        """Add a finished run.

        Args:
            run: The run.
            found: Its features, see :func:`~.evaluate.features`.
            labels: Their labels.
            teacher: The teacher's features; None if there are none.

        Raises:
            ResultError: If the run logged another top-1.
        """
        self.seeds.append(run.seed)
        self.top1.append(checked_top1(run, found['post-FC'], labels))
        self.best.append(max(run.folder.logged()))
        self.replayed = Replayed.of(run)
        if not found['post-FC'].isfinite().all():
            self.diverged.append(run.seed)
        elif teacher is not None:
            for layer in LAYERS:
                measured = measure(found[layer], teacher[layer], LINEAR)
                self.transfer[layer].append(measured['transfer'])
                self.cka[layer].append(measured['cka'])

    def extend(self, other: Result) -> None:
        """Add the figures of other seeds; costs, and what was replayed, where there are none yet."""
        for figure in ('seeds', 'top1', 'best', 'diverged'):
            getattr(self, figure).extend(getattr(other, figure))
        for figure in FIGURES:
            for layer, values in getattr(other, figure).items():
                getattr(self, figure)[layer] += values
        self.costs = self.costs or other.costs
        self.replayed = self.replayed or other.replayed

    def of_seeds(self, seeds: Container[int]) -> Result:
        """The figures of some of the seeds, without differences."""
        kept = [seed in seeds for seed in self.seeds]
        measured = [seed in seeds for seed in self.seeds if seed not in self.diverged]

        def those_of(figure: dict[str, list[float]]) -> dict[str, list[float]]:
            return {layer: list(compress(values, measured)) for layer, values in figure.items()}

        return Result(
            seeds=list(compress(self.seeds, kept)),
            top1=list(compress(self.top1, kept)),
            best=list(compress(self.best, kept)),
            diverged=[seed for seed in self.diverged if seed in seeds],
            transfer=those_of(self.transfer),
            cka=those_of(self.cka),
            costs=self.costs,
            replayed=self.replayed,
        )

    def as_dict(self) -> dict:
        """The figures as results.json holds them, differences as ``vs <baseline>``."""
        found = asdict(self)
        versus, costs = found.pop('versus'), found.pop('costs')
        return {**found, **costs, **{f'vs {name}': value for name, value in versus.items()}}

    @classmethod
    def from_dict(cls, row: dict) -> Result:
        """The figures of :meth:`as_dict`, without the differences."""
        given = {key: row[key] for key in ('seeds', 'top1', 'best', 'diverged', 'transfer')}
        return cls(
            **given,
            cka=row.get('cka') or {layer: [] for layer in LAYERS},
            costs={key: row[key] for key in COSTS if key in row},
            replayed=Replayed(**row['replayed']) if row.get('replayed') else None,
        )


def compare_top1(results: dict[str, Result], baselines: Sequence[str] = BASELINES) -> Scatter | None:
    """Note the differences in top-1 of every method, see :func:`~.differences.differences`.

    Returns:
        How far runs scatter; None if there are too few to tell. Methods that diverged do not count.
    """
    top1s = {name: dict(zip(result.seeds, result.top1, strict=True)) for name, result in results.items()}
    diverged = [name for name, result in results.items() if result.diverged]
    found, scatter = differences(top1s, baselines, diverged)
    for name, result in results.items():
        result.versus = found[name]
    return scatter
