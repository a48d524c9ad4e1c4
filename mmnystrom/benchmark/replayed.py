"""Configs with hooks added: of replay, of the memory layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from .errors import SuiteError

REPLAY = 'TeacherReplayHook'


def with_hooks(config: Path, path: Path, hooks: Sequence[dict] = (), changes: dict | None = None) -> Path:
    """Write a config that has more hooks.

    Args:
        config: The config.
        path: The new one.
        hooks: The hooks, which come behind those it has.
        changes: More changes, as :meth:`Config.merge_from_dict` takes them. Defaults to None.

    Returns:
        ``path``.

    Raises:
        SuiteError: If the config has one of the hooks already.
    """
    cfg = Config.fromfile(config)
    there = list(cfg.get('custom_hooks') or ())
    for hook in hooks:
        if any(other.get('type') == hook['type'] for other in there):
            raise SuiteError(f'{config} has a {hook["type"]} already, and would get a second one.')
    cfg.custom_hooks = [*there, *hooks]
    cfg.merge_from_dict(changes or {})
    path.parent.mkdir(parents=True, exist_ok=True)
    cfg.dump(path)
    return path
