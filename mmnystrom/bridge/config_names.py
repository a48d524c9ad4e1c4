"""Break: a name in a distiller's config that is not there is an assertion without help.

Where: ``mmrazor/models/task_modules/recorder`` says ``"neck.gapp" is not in the model.``, not of which
model and not what is; ``configurable_distiller.py`` says the same of recorders and connectors, with lines
of spaces in it.
Cure: the same checks; the error is a ValueError that says which network, and the nearest names.
Can go: once mmrazor says so itself.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable

NAME = 'names in a distiller that are not there, in errors without help'


def is_broken() -> bool:
    """Whether a recorder of a layer that is not there is an assertion."""
    from mmrazor.models.task_modules.recorder import ModuleOutputsRecorder
    from torch import nn

    try:
        ModuleOutputsRecorder('there').prepare_from_model(nn.Identity())
    except (AssertionError, ValueError) as error:
        return isinstance(error, AssertionError)
    return False


def apply() -> None:
    """Wrap the checks."""
    from mmrazor.models.distillers import ConfigurableDistiller
    from mmrazor.models.task_modules.recorder import ModuleOutputsRecorder, ParameterRecorder

    for recorder, names_of in (
        (ModuleOutputsRecorder, lambda model: dict(model.named_modules())),
        (ParameterRecorder, lambda model: dict(model.named_parameters())),
    ):
        recorder.prepare_from_model = _naming(recorder.prepare_from_model, names_of)
    check = ConfigurableDistiller._check_loss_forward_mappings
    ConfigurableDistiller._check_loss_forward_mappings = _checking(check)


def _naming(prepare, names_of):
    @functools.wraps(prepare)
    def prepare_from_model(self, model=None):
        try:
            return prepare(self, model)
        except AssertionError as error:
            if model is None:
                raise
            nearest = _nearest(self.source, names_of(model))
            raise ValueError(
                f'{error} The recorder looks in a {type(model).__name__}. {nearest}'
            ) from error

    return prepare_from_model


def _checking(check):
    @functools.wraps(check)
    def check_loss_forward_mappings(self, losses, mappings, students, teachers):
        try:
            return check(self, losses, mappings, students, teachers)
        except AssertionError as error:
            said = re.sub(r'\s+', ' ', str(error))
            wrong = re.search(r'"?([\w.-]+)"? (?:must be in|is not in)', said)
            known = [*losses, *students.recorders, *teachers.recorders, *self.connectors]
            raise ValueError(
                f'{said} {_nearest(wrong.group(1), known) if wrong else ""}'.strip()
            ) from error

    return check_loss_forward_mappings


def _nearest(name: str, names: Iterable[str]) -> str:
    names = [known for known in dict.fromkeys(names) if known]
    near = difflib.get_close_matches(name, names, 3, 0.5)
    if not near:  # a layer below one that is not there, say
        end = name.rpartition('.')[2]
        near = [known for known in names if known.rpartition('.')[2] == end][:3] or names[:6]
    return f'There is {", ".join(map(repr, near))}.' if near else ''
