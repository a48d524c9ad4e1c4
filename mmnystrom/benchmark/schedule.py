"""Trainings of another length, their schedules in proportion."""

from __future__ import annotations

from mmengine.config import Config

from .errors import SuiteError
from .plan import TEACHER, Method


def scaled_schedule(cfg: Config, epochs: int) -> dict:
    """Changes of a config that make its training shorter or longer, the schedule in proportion.

    Args:
        cfg: A config that counts epochs.
        epochs: Of the new training. It is validated at its end.

    Raises:
        SuiteError: If the config counts iterations.
    """
    share = epochs / _epochs(cfg)
    changes = {'train_cfg.max_epochs': epochs, 'train_cfg.val_interval': epochs}
    schedulers = cfg.get('param_scheduler') or []
    single = isinstance(schedulers, dict)
    for i, scheduler in enumerate([schedulers] if single else schedulers):
        if not scheduler.get('by_epoch', True):
            continue
        place = 'param_scheduler' if single else f'param_scheduler.{i}'
        for key in ('begin', 'end', 'T_max'):
            if isinstance(scheduler.get(key), int) and scheduler[key] > 0:
                changes[f'{place}.{key}'] = max(round(scheduler[key] * share), 1)
        if 'milestones' in scheduler:
            changes[f'{place}.milestones'] = [max(round(m * share), 1) for m in scheduler.milestones]
    for i, hook in enumerate(cfg.get('custom_hooks') or []):
        if hook.get('warmup_epochs'):
            changes[f'custom_hooks.{i}.warmup_epochs'] = max(round(hook.warmup_epochs * share), 1)
        if hook.get('ramp_epochs'):
            changes[f'custom_hooks.{i}.ramp_epochs'] = hook.ramp_epochs * share
    return changes


def scaled_students(
    methods: dict[str, Method], configs: dict[str, Config], epochs: int
) -> dict[str, dict]:
    """Changes that give all students of a suite another number of epochs.

    The teacher keeps its own: a shorter suite asks what students learn in less time, from the same one. A
    first stage becomes shorter or longer in the proportion of the method that it comes before.

    Args:
        methods: Name of a method -> what it is.
        configs: Name of a method -> its config.
        epochs: Of a student.

    Returns:
        Name of a method -> changes of its config.

    Raises:
        SuiteError: If a config counts iterations.
    """
    lengths = {name: epochs for name in methods if name != TEACHER}
    for name, spec in methods.items():
        if spec.first is not None:
            whole, first = _epochs(configs[name]), _epochs(configs[spec.first])
            lengths[spec.first] = max(round(first * epochs / whole), 1)
    return {name: scaled_schedule(configs[name], length) for name, length in lengths.items()}


def _epochs(cfg: Config) -> int:
    whole = cfg.train_cfg.get('max_epochs')
    if not whole:
        raise SuiteError(
            f'{cfg.filename} counts iterations, and the suite gives another number of epochs: leave '
            'epochs out.'
        )
    return whole
