"""Trials of methods: how a suite is tuned, what is tuned in a config, the trials, and their scores."""

from __future__ import annotations

import inspect
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmrazor.registry import MODELS

from mmnystrom.core import check_integer, check_number

from .errors import SuiteError, checking
from .plan import STUDENT, TEACHER, Plan
from .replayed import with_options
from .schedule import scaled_schedule
from .validation import check_share, held_out

#: Factor of the weights -> top-1 on the part held out, a value a seed; None for a trial that failed.
Scores = dict[float, 'list[float] | None']


@dataclass(frozen=True)
class Tuning:
    """How a suite is tuned: its ``tune=dict(...)``.

    Args:
        trials: Trials of each method, on a logarithmic grid about the paper's weights. Odd, so that they
            are among them. Defaults to 5.
        span: The largest factor; the smallest is its inverse. Defaults to 10.
        further: Trials of each method after those of the grid, one after another, each where its scores
            point, see :func:`next_factor`. Defaults to 0.
        seeds: Of each trial. Defaults to 1.
        epochs: Of a trial, its schedule in proportion. Defaults to None, those of the runs.
        validation: Share of the training images that are held out. Defaults to 0.1.

    Raises:
        SuiteError: If one makes no sense.
    """

    trials: int = 5
    span: float = 10.0
    further: int = 0
    seeds: int = 1
    epochs: int | None = None
    validation: float = 0.1

    def __post_init__(self) -> None:
        with checking('tune'):
            check_integer('trials', self.trials, 3)
            check_integer('further', self.further, 0)
            check_integer('seeds', self.seeds)
            if self.epochs is not None:
                check_integer('epochs', self.epochs)
            check_number('span', self.span, 1)
            check_share(self.validation)
        if self.trials % 2 == 0:
            raise SuiteError(
                f"tune: trials={self.trials} must be odd, with the paper's weights among them."
            )
        finest = (self.factors[-1] / self.factors[-2]) ** 0.5**self.further
        if finest < 1.01:
            raise SuiteError(
                f'tune: trials={self.trials}, span={self.span} and further={self.further} give factors '
                f'that differ by {100 * (finest - 1):.2g} %: give a larger span, or fewer trials.'
            )

    @classmethod
    def of(cls, cfg: Config, file: Path) -> Tuning:
        """What a suite says; the defaults where it says nothing.

        Raises:
            SuiteError: If ``tune`` has other keys, or one makes no sense.
        """
        given = dict(cfg.get('tune') or {})
        known = list(cls.__dataclass_fields__)
        odd = sorted(set(given) - set(known))
        if odd:
            raise SuiteError(f'{file}: tune has {", ".join(odd)}, and may have {", ".join(known)}.')
        return cls(**given)

    @property
    def factors(self) -> list[float]:
        """The grid.

        Example:
            >>> [round(factor, 3) for factor in Tuning(trials=5, span=10).factors]
            [0.1, 0.316, 1.0, 3.162, 10.0]
        """
        half = self.trials // 2
        return [self.span ** (i / half) for i in range(-half, half + 1)]


def trial_name(name: str, factor: float) -> str:
    """Name of a trial, and of its folder."""
    return f'{name} x{factor:.3g}'


def weights(cfg: Config) -> dict[str, float]:
    """What is tuned in a config: the weights of its distillation losses, or the student's weight decay.

    Returns:
        Key of the config -> the value that it has, or that it is by default.

    Raises:
        SuiteError: If there is none.
    """
    losses = ((cfg.model.get('distiller') or {}).get('distill_losses')) or {}
    found = {}
    for name, loss in losses.items():
        weight = loss.get('loss_weight', _default_weight(loss))
        if isinstance(weight, (int, float)) and weight:
            found[f'model.distiller.distill_losses.{name}.loss_weight'] = float(weight)
    if not losses:
        decay = cfg.optim_wrapper.optimizer.get('weight_decay')
        if decay:
            found['optim_wrapper.optimizer.weight_decay'] = float(decay)
    if not found:
        raise SuiteError(
            f'{cfg.filename}: --tune finds no loss_weight of a distillation loss, and no weight_decay.'
        )
    return found


def _default_weight(loss: dict) -> float | None:
    parameters = inspect.signature(MODELS.get(loss['type']).__init__).parameters
    default = parameters['loss_weight'].default if 'loss_weight' in parameters else None
    return default if isinstance(default, (int, float)) else None


def own_weights(plan: Plan, names: Iterable[str]) -> dict[str, dict[str, float]]:
    """Method -> what is tuned of it, as :func:`weights` gives it.

    Raises:
        SuiteError: If a method has nothing to tune.
    """
    return {name: weights(Config.fromfile(plan.methods[name].config)) for name in names}


def scaled(config: Path, factor: float) -> dict:
    """Changes of a config that multiply what is tuned by a factor."""
    return {key: value * factor for key, value in weights(Config.fromfile(config)).items()}


def trial_plan(plan: Plan, tuning: Tuning, factors: Mapping[str, Sequence[float]] | None = None) -> Plan:
    """The trials of the methods of a plan, with a teacher of their own unless one is given.

    Args:
        plan: The plan of the suite, with whatever its options have added.
        tuning: How it is tuned.
        factors: Name of a method -> what its weights are multiplied by. Defaults to None, for all methods
            the grid.
    """
    folder = plan.work_dir / 'tune'
    methods = {}
    factors = dict.fromkeys(plan.reported, tuning.factors) if factors is None else factors
    whole = {TEACHER, *(plan.methods[name].first for name in factors)}
    student = Config.fromfile(plan.methods[STUDENT].config)
    for name, method in plan.methods.items():
        if name not in whole and name not in factors:
            continue
        cfg = Config.fromfile(method.config)
        changes = held_out(cfg, tuning.validation, student if name == TEACHER else None)
        if name in whole:
            methods[name] = with_options(name, method, folder / 'configs', changes=changes)
            continue
        if tuning.epochs is not None:
            changes.update(scaled_schedule(cfg, tuning.epochs))
        own = weights(cfg)
        for factor in factors[name]:
            trial = trial_name(name, factor)
            both = {**changes, **{key: value * factor for key, value in own.items()}}
            methods[trial] = with_options(trial, method, folder / 'configs', changes=both)
    return Plan(folder, methods, tuning.seeds, plan.teacher, plan.arguments, plan.options)


def scores(trials: Plan, factors: Mapping[str, Sequence[float]]) -> dict[str, Scores]:
    """What trials scored.

    Args:
        trials: Their plan.
        factors: Name of a method -> what its weights were multiplied by.
    """
    found: dict[str, Scores] = {}
    for name, tried in factors.items():
        found[name] = {}
        for factor in tried:
            runs = trials.of(trial_name(name, factor))
            done = all(run.finished and run.folder.logged() for run in runs)
            found[name][factor] = [run.folder.logged()[-1] for run in runs] if done else None
    return found


def choose(found: Scores) -> float:
    """The factor with the best mean; of a tie that nearest to 1. Failed trials count as 0."""

    def quality(factor: float) -> tuple[float, float]:
        values = found[factor]
        return (statistics.mean(values) if values else 0.0), -abs(math.log(factor))

    return max(found, key=quality)


def next_factor(found: Scores) -> float:
    """Where scores point: a step beyond the best factor if it is the first or the last of them.

    Otherwise it is half way to the better one of the two beside it.

    Example:
        >>> round(next_factor({0.1: [50.0], 1.0: [55.0], 10.0: [60.0]}), 6)
        100.0
        >>> round(next_factor({0.1: [50.0], 1.0: [60.0], 10.0: [55.0]}), 3)
        3.162
    """
    tried = sorted(found)
    best = choose(found)
    place = tried.index(best)
    beside = [tried[i] for i in (place - 1, place + 1) if 0 <= i < len(tried)]
    if len(beside) == 1:
        return best * best / beside[0]
    return math.sqrt(best * choose({factor: found[factor] for factor in beside}))
