"""Whether the configs of a suite can be built, looked at before the first hour is spent."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.registry import HOOKS, MODELS, DefaultScope

from .errors import SuiteError
from .plan import Plan


def check_builds(plan: Plan) -> None:
    """Build the model and the hooks of every method that has a run to do.

    Raises:
        SuiteError: If some cannot be built; one line a cause, with the methods that it stops.
    """
    causes: dict[str, list[str]] = {}
    for name, method in plan.methods.items():
        runs = plan.of(name)
        if all(run.finished for run in runs):
            continue
        why = why_not_built(method.config, runs[0].shared_overrides)
        if why is not None:
            causes.setdefault(why, []).append(f'{name} ({method.config.name})')
    if causes:
        said = '\n'.join(f'- {", ".join(names)}: {why}' for why, names in causes.items())
        raise SuiteError(f'Nothing is trained, as these configs cannot be built:\n{said}')


def why_not_built(config: Path, changes: dict) -> str | None:
    """The error that stops a config; None if nothing does.

    Args:
        config: The config file.
        changes: What a run changes, as :meth:`Config.merge_from_dict` takes it.
    """
    try:
        cfg = Config.fromfile(config)
        cfg.merge_from_dict(changes)
        model = cfg.model
        model.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
        if model.get('teacher_ckpt'):  # not there yet, or large
            model.teacher_ckpt = None
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmengine'):
            MODELS.build(model)
            for hook in cfg.get('custom_hooks') or ():
                HOOKS.build(hook)
    except Exception as error:  # whatever a config's classes raise is the user's to read
        said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        return f'{type(error).__name__}: {" ".join(said.split())}'
    return None
