"""Benchmarks whose teachers are replayed: configs with hooks added, and what a run replayed."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmengine.config import Config

from mmnystrom.plugin.hooks.teacher_replay import NOTE, TeacherReplayHook

from .errors import SuiteError
from .plan import Method, Run
from .run_folder import folder_name

REPLAY = TeacherReplayHook.__name__


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
    return _write(_with_hooks(config, hooks, changes), path)


def _with_hooks(config: Path, hooks: Sequence[dict], changes: dict | None) -> Config:
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(copy.deepcopy(changes or {}))  # merging takes _delete_ out of what it is given
    there = list(cfg.get('custom_hooks') or ())
    for hook in hooks:
        if any(other.get('type') == hook['type'] for other in there):
            raise SuiteError(f'{config} has a {hook["type"]} already, and would get a second one.')
    cfg.custom_hooks = [*there, *hooks]
    return cfg


def _write(cfg: Config, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Formatting takes half a second a config. Config.fromfile(format_python_code=False) does not keep
    # from it: mmengine 0.10 forgets that argument.
    plain = Config(cfg.to_dict(), format_python_code=False)
    # Other processes of the same benchmark may be reading it.
    new = path.with_name(f'.{os.getpid()}_{path.name}')
    plain.dump(new)
    new.replace(path)
    return path


def with_options(
    name: str,
    method: Method,
    folder: Path,
    replay: dict | None = None,
    channels_last: bool = False,
    changes: dict | None = None,
) -> Method:
    """A method with the hooks of a benchmark's options. Its config is written.

    Args:
        name: Name of the method.
        method: The method. One that is not distilled has no teacher to replay.
        folder: Where configs are written.
        replay: Arguments of its TeacherReplayHook, but for the store. Defaults to None: live.
        channels_last: Whether to keep weights and images in channels_last. Defaults to False.
        changes: More changes of the config, as :meth:`Config.merge_from_dict` takes them. Defaults to
            None.

    Raises:
        SuiteError: If its config has one of the hooks already.
    """
    hooks = [dict(type='ChannelsLastHook')] if channels_last else []
    if replay is not None and method.distilled:
        hooks.append({'type': REPLAY, 'refuse': False, **replay})
    if not hooks and not changes:
        return method
    cfg = _with_hooks(method.config, hooks, changes)
    config = _write(cfg, folder / f'{folder_name(name)}.py')
    if not hooks or hooks[-1]['type'] != REPLAY:
        return replace(method, config=config)
    return replace(method, config=config, store_key=f'custom_hooks.{len(cfg.custom_hooks) - 1}.store')


def replayed_views(method: Method) -> int | str | None:
    """With how many views of an image a method's teacher is replayed.

    Returns:
        Their number, ``'all'`` for as many as epochs, or None for a teacher that is live.
    """
    if method.store_key is None:
        return None
    hook = next(hook for hook in Config.fromfile(method.config).custom_hooks if hook['type'] == REPLAY)
    return hook.get('views') or 'all'


@dataclass(frozen=True)
class Replayed:
    """What a run replayed, as its hook noted it.

    Args:
        views: Views of an image.
        bytes: What all its views take in the store.
        live: Why the teacher ran live; None if it was replayed.
    """

    views: int
    bytes: int
    live: str | None

    @classmethod
    def of(cls, run: Run) -> Replayed | None:
        """The note of a run; None if it has no such hook."""
        try:
            note = json.loads((run.folder.path / NOTE).read_text())
        except FileNotFoundError:
            return None
        return cls(note['views'], sum(note.get('bytes', {}).values()), note['live'])
