"""Weights that an earlier report chose: for more seeds, another machine, another suite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

from mmnystrom.core import check_number

from .errors import ResultError, SuiteError, checking
from .plan import Plan
from .trials import Tuning, own_weights, trial_name
from .tuning import BY_NAME, OPTIONS, tried, tried_with, tuned_plan, with_trials

#: What two reports must have tried alike for their trials to be shown as one.
ALIKE = (*(field.name for field in fields(Tuning) if field.name != 'further'), 'teacher')
_INSTEAD = 'Tune on one machine, and give its results.json to the other with --tuned.'


def read_tuning(file: str | Path, plan: Plan, title: str) -> dict:
    """What a report chose for the methods of a plan.

    Args:
        file: The results.json of ``tools/benchmark.py --tune``.
        plan: The plan whose methods take the weights.
        title: Title of the plan's suite.

    Returns:
        What :func:`~.tuning.tune` notes of the trials, of these methods only. If they were another
        suite's, ``suite`` is the title of that one.

    Raises:
        SuiteError: If the file cannot be read, it has no tuned weights, or none of one of the methods, or
            a factor is not a number above 0, or a config has other weights than the trials multiplied.
    """
    notes, others = _read(file, plan, title)
    lacks = [name for name in plan.reported if name not in notes['chosen']]
    if lacks:
        raise SuiteError(
            f'--tuned={file} has no weights of {", ".join(lacks)}. It has those of '
            f'{", ".join([*notes["chosen"], *others])}: choose among them with --methods, or add --tune, '
            'which tries the others.'
        )
    return notes


def earlier_trials(file: str | Path, plan: Plan, title: str, tuning: Tuning) -> dict:
    """What a report has tried of the methods of a plan, so that only what it lacks is.

    Args:
        file: The results.json of ``tools/benchmark.py --tune``.
        plan: The plan whose methods are tuned.
        title: Title of the plan's suite.
        tuning: How the others are tried.

    Returns:
        As :func:`read_tuning`, of the methods that the report has. They may have had fewer ``further``
        trials than these, and get the others.

    Raises:
        SuiteError: As :func:`read_tuning`, but for a method that the report lacks; and if its trials were
            of another suite, or others than these: the methods would not have had the same chance.
    """
    notes, _ = _read(file, plan, title)
    before = {'suite': title, 'further': 0, **notes}
    for key, value in {'suite': title, **tried_with(plan, tuning)}.items():
        fewer = key == 'further' and before[key] <= value  # then they are gone on with
        if before.get(key, value) != value and not fewer:
            raise SuiteError(
                f'--tuned={file} has trials of {key}={before[key]!r}, and --tune would try the other '
                f'methods with {value!r}, not the same chance: give the options of then, or try all of '
                'them, without --tuned.'
            )
    return notes


def _read(file: str | Path, plan: Plan, title: str) -> tuple[dict, list[str]]:
    """What a report has tried of the methods of a plan, and the names of the others that it has."""
    try:
        found = json.loads(Path(file).read_text())
    except (OSError, ValueError) as error:
        raise SuiteError(f'--tuned={file} cannot be read as JSON: {error}') from error
    tuning = found.get('tuning') if isinstance(found, dict) else None
    if not is_tuning(tuning):
        raise SuiteError(
            f'--tuned={file} has no tuned weights: give the results.json of tools/benchmark.py --tune.'
        )
    names = [name for name in plan.reported if name in tuning['chosen']]
    for name in names:
        with checking(f'--tuned={file}, {name}'):
            check_number('chosen', tuning['chosen'][name], remedy='the factor of its loss weights')
    _check_weights(file, tuning.get('weights', {}), own_weights(plan, names))
    notes = of_methods(tuning, names)
    if found.get('suite', title) != title:
        notes.setdefault('suite', found['suite'])
    return notes, [name for name in tuning['chosen'] if name not in names]


def _check_weights(file: str | Path, multiplied: dict, today: dict) -> None:
    """Refuse factors of weights that a config does not have any more, or not in this suite.

    Reports that are older than this check do not say what was multiplied.
    """
    for name, own in today.items():
        before = multiplied.get(name, own)
        if before != own:
            raise SuiteError(
                f'--tuned={file} has factors of the weights {before} for {name}, and its config has '
                f'{own}: tune it again, or give it the old ones, as its options in a suite of yours.'
            )


def with_tuned(plan: Plan, file: str | Path, title: str) -> Plan:
    """A plan with the weights that a report chose beside the paper's.

    Raises:
        SuiteError: As :func:`read_tuning`.
    """
    return tuned_plan(plan, read_tuning(file, plan, title))


def of_methods(tuning: dict, names: Iterable[str]) -> dict:
    """What was tried for some of the methods."""
    names = list(names)
    others = [name for name in tuning['chosen'] if name not in names]
    left = {trial_name(name, factor) for name in others for factor in tried(tuning, name)}
    failed = tuning['failed'].items()
    own = {
        key: {name: value for name, value in tuning[key].items() if name in names}
        for key in BY_NAME[:-1]
        if key in tuning
    }
    return dict(
        tuning,
        **own,
        failed={run: why for run, why in failed if run.rpartition(', seed ')[0] not in left},
    )


def join_tunings(files: Sequence[Path], reports: Sequence[dict]) -> dict | None:
    """What the reports of one suite tried, as one; None if none of them is tuned.

    Args:
        files: The results.json, for messages.
        reports: What is in them.

    Raises:
        ResultError: If two have chosen differently for a method, or have tried other grids: a row of
            tuned weights would not be of one method.
    """
    pairs = zip(files, reports, strict=True)
    tuned = [(file, report['tuning']) for file, report in pairs if report.get('tuning') is not None]
    for file, tuning in tuned:
        if not is_tuning(tuning):
            raise ResultError(f'{file}: its tuning={tuning!r} is not what tools/benchmark.py writes.')
    if not tuned:
        return None
    (first, tuning), *others = tuned
    joined = tuning
    for file, tuning in others:
        here, there = ({'further': 0, **notes} for notes in (tuning, joined))
        for key in ('further', *ALIKE, *OPTIONS):
            if key in here and key in there and here[key] != there[key]:
                raise ResultError(
                    f'{file} was tuned with {key}={here[key]!r}, and {first} with {there[key]!r}. '
                    f'{_INSTEAD}'
                )
        for key, said in (('weights', 'multiplied {}'), ('chosen', 'chosen {:.3g} times its weights')):
            before = joined.get(key, {})
            for name, value in tuning.get(key, {}).items():
                if before.get(name, value) != value:
                    raise ResultError(
                        f'{file} has {said.format(value)} for {name}, and {first} has '
                        f'{said.format(before[name])}: their rows are not of one method. {_INSTEAD}'
                    )
        joined = with_trials(joined, tuning)
    return joined


def is_tuning(tuning: object) -> bool:
    """Whether it is what a report holds of its trials."""
    return isinstance(tuning, dict) and {*ALIKE, 'factors', 'scores', 'chosen', 'failed'} <= set(tuning)
