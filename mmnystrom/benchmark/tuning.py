"""``--tune``: the same number of trials for every method, over the factor on its own loss weights.

Trials train on the training images less a stratified part and are scored on that part, which their
teacher has not seen either. The test split is not read. What is chosen is trained on all training images,
beside the weights of the papers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from .errors import RunFailedError, first_lines
from .plan import TEACHER, TUNED, Plan, Run
from .replayed import replayed_views, with_options
from .trials import Scores, Tuning, choose, next_factor, own_weights, scaled, scores, trial_plan

#: What is noted of each method, or trial.
BY_NAME = ('weights', 'scores', 'further_trials', 'chosen', 'failed')
#: The benchmark's options that change a trial. Older reports do not say them.
OPTIONS = ('arguments', 'replay')


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


def tried(notes: dict, name: str) -> Scores:
    """What was tried of a method, by factor: its grid, and the trials beyond it."""
    further = notes.get('further_trials', {}).get(name, ())
    found = {**dict(zip(notes['factors'], notes['scores'][name], strict=True)), **dict(further)}
    return {factor: found[factor] for factor in sorted(found)}


def with_trials(notes: dict, others: dict) -> dict:
    """What was tried, and what was tried for other methods; what both have is of the first.

    Options that only one of them says are left out: of the other nobody knows.
    """
    said = [key for key in BY_NAME if key in notes or key in others]
    both = {key: {**others.get(key, {}), **notes.get(key, {})} for key in said}
    known = {key: value for key, value in notes.items() if key not in OPTIONS or key in others}
    teachers = {*notes.get('teachers', ()), *others.get('teachers', ())}
    return {**known, **both, **(dict(teachers=sorted(teachers)) if teachers else {})}


def tune(
    plan: Plan, tuning: Tuning, train: Callable[[Plan], dict[Run, str]], earlier: dict | None = None
) -> Plan:
    """Train the trials of every method, and choose.

    Args:
        plan: The plan of the suite.
        tuning: How it is tuned.
        train: Trains a plan, and gives the runs that failed with the reasons.
        earlier: What was tried before, and is not tried again. Defaults to None, nothing.

    Returns:
        The plan with the chosen weights beside the paper's. Its ``tuning`` is what results.json holds of
        it: the weights, the scores, what was chosen, and the trials that failed.

    Raises:
        SuiteError: If a method has nothing to tune.
        RunFailedError: If the teacher of the trials could not be trained.
    """
    found = {} if earlier is None else {name: tried(earlier, name) for name in earlier['chosen']}
    failed: dict[Run, str] = {}
    more: set[str] = set()
    teachers: set[float] = set()

    def try_them(factors: Mapping[str, Sequence[float]]) -> None:
        if not factors:
            return
        trials = trial_plan(plan, tuning, factors)
        lost = train(trials)
        without_teacher = [why for run, why in lost.items() if run.method == TEACHER]
        if without_teacher:
            raise RunFailedError('\n'.join(without_teacher))
        if TEACHER in trials.methods:
            teachers.update(round(top1, 2) for top1 in trials.run(TEACHER, 0).folder.logged()[-1:])
        failed.update(lost)
        more.update(factors)
        for name, by_factor in scores(trials, factors).items():
            found.setdefault(name, {}).update(by_factor)

    try_them({name: tuning.factors for name in plan.reported if name not in found})
    for done in range(tuning.trials, tuning.trials + tuning.further):
        point = [name for name in plan.reported if len(found[name]) == done]
        try_them({name: [next_factor(found[name])] for name in point})
    if not more:
        return tuned_plan(plan, earlier)
    names = [name for name in plan.reported if name in more]
    beyond = {
        name: [pair for pair in found[name].items() if pair[0] not in tuning.factors] for name in names
    }
    notes = dict(
        tried_with(plan, tuning),
        teachers=sorted(teachers),
        factors=tuning.factors,
        weights=own_weights(plan, names),
        scores={name: [found[name][factor] for factor in tuning.factors] for name in names},
        further_trials=beyond,
        chosen={name: choose(found[name]) for name in names},
        failed=first_lines(failed),
    )
    return tuned_plan(plan, notes if earlier is None else with_trials(notes, earlier))
