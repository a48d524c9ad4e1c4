"""``--tune``: the same number of trials for every method, over the factor on its own loss weights.

Trials train on the training images less a stratified part and are scored on that part, which their
teacher has not seen either. The test split is not read. What is chosen is trained on all training images,
beside the weights of the papers.
"""

from __future__ import annotations

import inspect
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mmengine.config import Config
from mmrazor.registry import MODELS

from mmnystrom.core import check_integer, check_number

from .errors import RunFailedError, SuiteError, checking
from .plan import STUDENT, TEACHER, TUNED, Plan, Run
from .replayed import replayed_views, with_options
from .schedule import scaled_schedule
from .validation import check_share, held_out

#: What is noted of each method, or trial.
BY_NAME = ('weights', 'scores', 'chosen', 'failed')
#: The benchmark's options that change a trial. Older reports do not say them.
OPTIONS = ('arguments', 'replay')


@dataclass(frozen=True)
class Tuning:
    """How a suite is tuned: its ``tune=dict(...)``.

    Args:
        trials: Trials of each method, on a logarithmic grid about the paper's weights. Odd, so that they
            are among them. Defaults to 5.
        span: The largest factor; the smallest is its inverse. Defaults to 10.
        seeds: Of each trial. Defaults to 1.
        epochs: Of a trial, its schedule in proportion. Defaults to None, those of the runs.
        validation: Share of the training images that are held out. Defaults to 0.1.

    Raises:
        SuiteError: If one makes no sense.
    """

    trials: int = 5
    span: float = 10.0
    seeds: int = 1
    epochs: int | None = None
    validation: float = 0.1

    def __post_init__(self) -> None:
        with checking('tune'):
            check_integer('trials', self.trials, 3)
            check_integer('seeds', self.seeds)
            if self.epochs is not None:
                check_integer('epochs', self.epochs)
            check_number('span', self.span, 1)
            check_share(self.validation)
        if self.trials % 2 == 0:
            raise SuiteError(
                f"tune: trials={self.trials} must be odd, with the paper's weights among them."
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


def trial_plan(plan: Plan, tuning: Tuning, names: Sequence[str] | None = None) -> Plan:
    """The trials of the methods of a plan, with a teacher of their own unless one is given.

    Args:
        plan: The plan of the suite, with whatever its options have added.
        tuning: How it is tuned.
        names: The methods that are tried. Defaults to None, all.
    """
    folder = plan.work_dir / 'tune'
    methods = {}
    names = plan.reported if names is None else names
    whole = {TEACHER, *(plan.methods[name].first for name in names)}
    student = Config.fromfile(plan.methods[STUDENT].config)
    for name, method in plan.methods.items():
        if name not in whole and name not in names:
            continue
        cfg = Config.fromfile(method.config)
        changes = held_out(cfg, tuning.validation, student if name == TEACHER else None)
        if name in whole:
            methods[name] = with_options(name, method, folder / 'configs', changes=changes)
            continue
        if tuning.epochs is not None:
            changes.update(scaled_schedule(cfg, tuning.epochs))
        own = weights(cfg)
        for factor in tuning.factors:
            trial = trial_name(name, factor)
            both = {**changes, **{key: value * factor for key, value in own.items()}}
            methods[trial] = with_options(trial, method, folder / 'configs', changes=both)
    return Plan(folder, methods, tuning.seeds, plan.teacher, plan.arguments, plan.options)


def scores(
    names: Iterable[str], trials: Plan, tuning: Tuning
) -> dict[str, dict[float, list[float] | None]]:
    """Method -> factor -> top-1 on the part held out, a value a seed; None for a trial that failed."""
    found: dict[str, dict[float, list[float] | None]] = {}
    for name in names:
        found[name] = {}
        for factor in tuning.factors:
            runs = trials.of(trial_name(name, factor))
            done = all(run.finished and run.folder.logged() for run in runs)
            values = [run.folder.logged()[-1] for run in runs] if done else None
            found[name][factor] = values
    return found


def choose(found: dict[float, list[float] | None]) -> float:
    """The factor with the best mean; of a tie that nearest to 1. Failed trials count as 0."""

    def quality(factor: float) -> tuple[float, float]:
        values = found[factor]
        return (statistics.mean(values) if values else 0.0), -abs(math.log(factor))

    return max(found, key=quality)


def tuned_plan(plan: Plan, notes: dict) -> Plan:
    """The plan with what was chosen beside it, where that is not the paper's weights.

    Args:
        plan: The plan of the suite.
        notes: What was tried, with ``chosen``, name of a method -> factor. They become its ``tuning``.
    """
    methods = dict(plan.methods)
    for name, factor in notes['chosen'].items():
        if factor == 1:
            continue
        method, tuned = plan.methods[name], name + TUNED
        changes = scaled(method.config, factor)
        methods[tuned] = with_options(tuned, method, plan.work_dir / 'configs', changes=changes)
    found = plan.with_methods(methods)
    found.tuning = notes
    return found


def without_papers_weights(plan: Plan) -> Plan:
    """The plan without the methods that it also has with tuned weights."""
    return plan.with_methods(
        {n: spec for n, spec in plan.methods.items() if n + TUNED not in plan.methods}
    )


def tried_with(plan: Plan, tuning: Tuning) -> dict:
    """What two trials must have in common for their scores to be told as one."""
    return dict(
        asdict(tuning),
        teacher='its own' if plan.teacher is None else 'given',
        arguments=[*plan.arguments, *plan.options],
        replay=next((views for views in map(replayed_views, plan.methods.values()) if views), None),
    )


def with_trials(notes: dict, others: dict) -> dict:
    """What was tried, and what was tried for other methods; what both have is of the first.

    Options that only one of them says are left out: of the other nobody knows.
    """
    both = {key: {**others.get(key, {}), **notes.get(key, {})} for key in BY_NAME}
    known = {key: value for key, value in notes.items() if key not in OPTIONS or key in others}
    return {**known, **both}


def tune(
    plan: Plan, tuning: Tuning, train: Callable[[Plan], dict[Run, str]], earlier: dict | None = None
) -> Plan:
    """Train the trials of every method, and choose.

    Args:
        plan: The plan of the suite.
        tuning: How it is tuned.
        train: Trains a plan, and gives the runs that failed with the reasons.
        earlier: What was tried before; its methods are not tried again. Defaults to None, nothing.

    Returns:
        The plan with the chosen weights beside the paper's. Its ``tuning`` is what results.json holds of
        it: the weights, the scores, what was chosen, and the trials that failed.

    Raises:
        SuiteError: If a method has nothing to tune.
        RunFailedError: If the teacher of the trials could not be trained.
    """
    names = [name for name in plan.reported if earlier is None or name not in earlier['chosen']]
    if not names:
        return tuned_plan(plan, earlier)
    trials = trial_plan(plan, tuning, names)
    failed = train(trials)
    without_teacher = [why for run, why in failed.items() if run.method == TEACHER]
    if without_teacher:
        raise RunFailedError('\n'.join(without_teacher))
    found = scores(names, trials, tuning)
    notes = dict(
        tried_with(plan, tuning),
        factors=tuning.factors,
        weights=own_weights(plan, names),
        scores={name: list(by_factor.values()) for name, by_factor in found.items()},
        chosen={name: choose(by_factor) for name, by_factor in found.items()},
        failed={str(run): why.splitlines()[0] for run, why in failed.items()},
    )
    return tuned_plan(plan, notes if earlier is None else with_trials(notes, earlier))
