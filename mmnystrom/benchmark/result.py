"""Figures of a method: top-1, transfer from the teacher, differences to the baselines."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, field
from itertools import compress

from torch import Tensor

from mmnystrom.core import build_kernel, measure

from .errors import ResultError
from .plan import TUNED, Run
from .replayed import Replayed
from .scatter import Scatter
from .tables import mark_certain, paired

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

    def compare(self, baseline: str, other: Result, scatter: Scatter | None = None) -> None:
        """Note the difference to another method, on the seeds that both have finished.

        Args:
            baseline: Name of the other method.
            other: Its result.
            scatter: Noise of a run that its interval is by. Defaults to None: that of these seeds.
        """
        seeds = [seed for seed in self.seeds if seed in other.seeds]
        if seeds:
            values = [[r.top1[r.seeds.index(seed)] for seed in seeds] for r in (self, other)]
            self.versus[baseline] = (scatter.paired if scatter else paired)(*values)

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


def row_of(method: str, rows: Container[str], tuned: bool = False) -> str | None:
    """Name of the row that stands for a method.

    Args:
        method: Name of the method.
        rows: Names of the rows that there are.
        tuned: Whether its tuned row is preferred to that with the paper's weights. Defaults to False.

    Returns:
        The name; None if the method has neither row.

    Example:
        >>> rows = ['KD tuned', 'DIST', 'DIST tuned']
        >>> row_of('KD', rows), row_of('DIST', rows), row_of('DIST', rows, tuned=True)
        ('KD tuned', 'DIST', 'DIST tuned')
    """
    names = [method, method + TUNED]
    return next((name for name in (names[::-1] if tuned else names) if name in rows), None)


def compare_with(results: dict[str, Result], baselines: Sequence[str]) -> Scatter | None:
    """Note the difference of every method to each of the baselines that there are.

    One that is tuned is compared with the tuned baseline, if there is one. Intervals are by the scatter
    of all methods together, if there are enough and they scatter alike.

    Returns:
        How far runs scatter; None if there are too few to tell. Methods that diverged do not count.
    """
    whole = {name: result for name, result in results.items() if not result.diverged}
    scatter = Scatter.of({n: dict(zip(r.seeds, r.top1, strict=True)) for n, r in whole.items()})
    shared = scatter if scatter and scatter.shared else None
    for name, result in results.items():
        for baseline in baselines:
            other = row_of(baseline, results, tuned=name.endswith(TUNED))
            if other not in (None, name):
                result.compare(baseline, results[other], shared)
    mark_certain([found for result in results.values() for found in result.versus.values()])
    return scatter
