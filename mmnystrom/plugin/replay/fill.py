"""Stores of replayed teachers: filled ahead of training, listed, pruned."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.utils import ProgressBar
from torch.utils.data import DataLoader

from ..begun import begin
from ..hooks.teacher_replay import TeacherReplayHook
from ..lookup import find_distiller, freeze_teacher, unwrap
from ..training_pass import training_precision
from .errors import ReplayError
from .store import KEY, LAYER, ReplayStore, gib
from .views import ViewIndex

HOOK = TeacherReplayHook.__name__


def replay_config(cfg: Config, **arguments) -> Config:
    """A config with a TeacherReplayHook of these arguments, those that are None aside.

    Args:
        cfg: The config. A hook that it has is changed, and otherwise there is a new one.
        **arguments: Of the hook.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    hooks = [dict(hook) for hook in cfg.get('custom_hooks') or ()]
    if not any(hook.get('type') == HOOK for hook in hooks):
        hooks.append(dict(type=HOOK))
    cfg.custom_hooks = [{**x, **given, 'refuse': True} if x.get('type') == HOOK else x for x in hooks]
    return cfg


def open_store(cfg: Config) -> tuple[Runner, TeacherReplayHook]:
    """A run of a config brought to its first iteration, its store open.

    Args:
        cfg: The config, with a TeacherReplayHook.

    Raises:
        ReplayError: If its teacher cannot be replayed, or the hook has no store.
    """
    for split in ('val', 'test'):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg.pop(f'{split}_{part}', None)
    # Landmarks and monitors would look at the data before the first iteration.
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.get('type') == HOOK]
    runner = Runner.from_cfg(cfg)
    begin(runner)
    hook = next(hook for hook in runner.hooks if isinstance(hook, TeacherReplayHook))
    if hook.teacher.store is None:
        raise ReplayError('TeacherReplayHook(store=None) has no store to fill: name a folder.')
    return runner, hook


def fill(cfg: Config, batch_size: int | None = None) -> str:
    """Run the teacher over every view of every image that a store does not hold.

    Args:
        cfg: A distillation config, with a TeacherReplayHook.
        batch_size: Images at a time. Defaults to None, as in training.

    Returns:
        What was done, in a sentence.

    Raises:
        ReplayError: If the teacher cannot be replayed, or the store takes no more.
    """
    runner, hook = open_store(cfg)
    teacher, store = hook.teacher, hook.teacher.store
    loader = runner.train_dataloader
    model = unwrap(runner.model)
    model.train()
    freeze_teacher(model)
    missing = {view: store.missing(view) for view in range(loader.dataset.views)}
    total = sum(len(indices) for indices in missing.values())
    bar = ProgressBar(total) if total else None
    for view, indices in missing.items():
        batches = DataLoader(
            loader.dataset,
            batch_size=batch_size or loader.batch_size or 256,
            sampler=[ViewIndex.of(index, view) for index in indices.tolist()],
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn,
        )
        for batch in batches:
            with torch.no_grad(), training_precision(runner):
                data = model.data_preprocessor(batch, True)
                with find_distiller(model).teacher_recorders:
                    model.teacher(data['inputs'], data['data_samples'], mode='loss')
            if not teacher.stores:
                raise ReplayError(f'{store.root} takes no more; the same command goes on from here.')
            bar.update(len(data['data_samples']))
    if bar is not None:
        bar.file.write('\n')
    size = store.size(loader.dataset.views)
    teacher.end()
    store.close()
    return f'{store.folder}: {total:,} views of images recorded, nothing is missing. {size}'


@dataclass(frozen=True)
class Stored:
    """A folder of a key.

    Args:
        folder: The folder.
        key: What its rows depend on.
        layers: Layer -> for each view, how many images are stored.
        bytes: What it takes on disk.
    """

    folder: Path
    key: dict
    layers: dict[str, dict[int, int]]
    bytes: int

    def __str__(self) -> str:
        backbone = ((self.key.get('teacher') or {}).get('backbone') or {}).get('type', 'unknown')
        data = (self.key.get('dataset') or {}).get('type', 'unknown')
        images = self.key.get('images', 0)
        lines = [
            f'{self.folder.name}: teacher {backbone}, {images:,} images of {data}, '
            f'{self.key.get("dtype")}, computed in {self.key.get("computed")}, seed '
            f'{self.key.get("seed")}, {gib(self.bytes)}'
        ]
        for name, views in self.layers.items():
            share = sum(views.values()) / max(images * len(views), 1)
            lines.append(f'  {name}: {len(views)} views, {100 * share:.1f} % of their images')
        return '\n'.join(lines)


def inventory(root: Path) -> list[Stored]:
    """What the stores below a folder hold."""
    found = []
    for folder in sorted(path.parent for path in root.glob(f'*/{KEY}')):
        key = json.loads((folder / KEY).read_text())
        layers = {}
        with ReplayStore.reopened(folder) as store:
            for file in sorted(folder.glob(f'*/{LAYER}')):
                name = store.reopen_layer(file)
                layers[name] = {view: store.count(name, view) for view in store.views(name)}
        size = sum(path.stat().st_blocks * 512 for path in folder.rglob('*') if path.is_file())
        found.append(Stored(folder, key, layers, size))
    return found


def prune_others(cfgs: Iterable[Config]) -> str:
    """Remove what is not of these configs from the stores that they have; says what was done.

    Raises:
        ReplayError: If the teacher of a config cannot be replayed.
    """
    stores = [open_store(cfg)[1].teacher.store for cfg in cfgs]
    keep = {store.folder for store in stores}
    said = [line for root in {store.root for store in stores} for line in prune(root, keep)]
    return '\n'.join(said) or 'All is kept.'


def prune(root: Path, keep: Collection[Path]) -> list[str]:
    """Remove the folders of other keys than these, unless a run has them open.

    Args:
        root: The folder of all keys. What carries no key is left alone.
        keep: Folders that stay.

    Returns:
        What was done with each folder, a sentence each.
    """
    said = []
    for stored in inventory(root):
        if stored.folder in keep:
            continue
        with (stored.folder / 'lock').open('a') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                said.append(f'{stored.folder.name} is in use and stays.')
                continue
            # The key last: a removal that is killed must leave a folder that can be removed again.
            for path in stored.folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != KEY:
                    path.unlink()
            (stored.folder / KEY).unlink()
            stored.folder.rmdir()
        said.append(f'{stored.folder.name} is removed, {gib(stored.bytes)}.')
    return said
