"""Break: a name in a config that is not there is an error without help.

Where: ``mmengine/registry/build_functions.py`` says ``KDAloss is not in the mmrazor::model registry``,
and not what is nearest. ``mmrazor/models/task_modules/recorder`` says ``"neck.gapp" is not in the
model.``, not of which model and not what is; ``configurable_distiller.py`` says the same of recorders and
connectors, with lines of spaces in it.
Cure: the same checks; the error says which network, and the nearest names.
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
    from mmengine.registry import Registry

    Registry.build = _building(Registry.build)
    check = ConfigurableDistiller._check_loss_forward_mappings
    ConfigurableDistiller._check_loss_forward_mappings = _checking(check)


def _building(build):
    @functools.wraps(build)
    def build_from(self, cfg, *args, **kwargs):
        try:
            return build(self, cfg, *args, **kwargs)
        except KeyError as error:
            said = str(error.args[0]) if error.args else ''
            missing = re.match(r'([\w.]+) is not in the \S+ registry', said)
            nearest = _nearest_type(self, missing.group(1)) if missing else ''
            if not nearest or nearest in said:
                raise
            raise KeyError(f'{said} {nearest}') from error

    return build_from


def _nearest_type(registry, name: str) -> str:
    names = set()
    todo = [registry.root if registry.parent is not None else registry]
    while todo:
        found = todo.pop()
        names.update(found.module_dict)
        todo.extend(found.children.values())
    near = difflib.get_close_matches(name.rpartition('.')[2], sorted(names), 3, 0.7)
    return f'Nearest to it: {", ".join(near)}.' if near else ''


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
