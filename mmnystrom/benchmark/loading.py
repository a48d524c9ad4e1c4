"""What it costs to have images ready: loaded, stacked, on the device and normalised."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmrazor.registry import MODELS

from mmnystrom.plugin.replay.views import seeded_loader

from .provenance import provenance
from .tables import markdown_table
from .timing import ratios_in_turns

STACKED = 'default_collate'
#: Name of a row -> processes, how a batch is put together, whether it is cropped and flipped at once, and
#: whether its views are fixed, as for a replayed teacher.
ROWS = {
    'a batch at once': (0, STACKED, True, False),
    'a batch at once, 1 process': (1, STACKED, True, False),
    'a batch at once, 2 processes': (2, STACKED, True, False),
    'image by image': (0, STACKED, False, False),
    'image by image, 1 process': (1, STACKED, False, False),
    'image by image, 2 processes': (2, STACKED, False, False),
    'image by image, 2 processes, in lists': (2, 'pseudo_collate', False, False),
    'a batch at once, of fixed views': (0, STACKED, True, True),
    'image by image, of fixed views': (0, STACKED, False, True),
}
UNIT = 'a batch at once'


def loading_costs(config: str, rounds: int = 6, at_least: float = 2.0, out: Path | None = None) -> str:
    """Time of a batch of a config's training images, in multiples of the first row's.

    Args:
        config: Path of a config whose data set is CIFAR10Images or CIFAR100Images.
        rounds: Rounds in which all rows take turns. Defaults to 6.
        at_least: Seconds of a turn. Processes go on between the turns, as far as they are allowed ahead:
            a turn must be longer than that. Defaults to 2.
        out: Where the figures are written as JSON. Defaults to None, nowhere.

    Returns:
        A table in Markdown.
    """
    cfg = Config.fromfile(config)
    preprocessor = cfg.model.get('data_preprocessor') or cfg.data_preprocessor
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        ready = MODELS.build({'type': 'mmpretrain.ClsDataPreprocessor', **preprocessor}).to(get_device())
        steps = {name: _step(cfg, ready, *row) for name, row in ROWS.items()}
        ratios = ratios_in_turns(steps, UNIT, rounds, at_least)
    if out is not None:
        where = dict(provenance(), batch=cfg.train_dataloader.batch_size)
        out.write_text(json.dumps(dict(where, ratios=ratios), indent=1) + '\n')
    rows = [(name, f'{ratio:.2f}') for name, ratio in ratios.items()]
    return markdown_table([('images are made', 'time'), *rows])


def _step(
    cfg: Config, ready, processes: int, collate: str, batched: bool, fixed: bool
) -> Callable[[], object]:
    loader = dict(
        cfg.train_dataloader,
        num_workers=processes,
        persistent_workers=processes > 0,
        collate_fn=dict(type=collate),
    )
    loader['dataset'] = dict(cfg.train_dataloader.dataset, batched=batched)
    built = Runner.build_dataloader(loader, seed=0)
    batches = _without_end(seeded_loader(built, 5, 0) if fixed else built)
    return lambda: ready(next(batches), True)


def _without_end(loader) -> Iterator:
    while True:
        yield from loader
