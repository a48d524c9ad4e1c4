"""What a training step costs with a live teacher, a replayed one, and in mixed precision.

Whole iterations as tools/train.py runs them: data loading (in the process itself), hooks, forward,
backward, optimizer. All rows take turns in one process and are given in multiples of the student alone.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmnystrom.plugin import TeacherReplayHook
from mmnystrom.plugin.begun import begin
from mmnystrom.plugin.compiling import never_compiled

from .alone import plain
from .places import CONFIGS
from .plan import STUDENT
from .progress import say
from .provenance import provenance
from .replayed import REPLAY
from .tables import markdown_table
from .timing import peak_memory, ratios_in_turns, seconds_of

#: Mixed precision is bfloat16 on a CPU and float16 on a GPU, as --amp is.
LAYOUT, HALF = 'channels_last', 'amp + channels_last'
LIVE, REPLAYED, COMPILED = 'live', 'replayed', 'compiled'
#: Rows of the student alone, and of each method.
ALONE = (STUDENT, f'{STUDENT}, {LAYOUT}', f'{STUDENT}, {HALF}')
MODES = (LIVE, REPLAYED, f'{REPLAYED}, {LAYOUT}', f'{REPLAYED}, {HALF}')
#: The same for torch.compile, which takes minutes to begin.
COMPILED_ALONE = (STUDENT, f'{STUDENT}, {COMPILED}')
COMPILED_MODES = (LIVE, f'{LIVE}, {COMPILED}', REPLAYED, f'{REPLAYED}, {COMPILED}')
VARIANTS = {
    'KD': 'kd/kd_logits',
    'KDA pre-FC': 'kda/kda_neck',
    'KDA post-FC': 'kda/kda_logits',
    'KDA both': 'kda/kda_neck-logits',
    'KDA + KD': 'kda/kda_neck-kd',
}


@dataclass(frozen=True)
class Pair:
    """A pair whose steps are measured.

    Args:
        name: End of the names of its configs.
        methods: Names of methods.
        images: Training images, as many as fit the patience of a CPU. Defaults to None, all.
        batch_size: Images of a batch. Defaults to None, the config's.
    """

    name: str
    methods: tuple[str, ...] = tuple(VARIANTS)
    images: int | None = None
    batch_size: int | None = None


PAIRS = {
    'digits': Pair(
        'resnet18-w16_resnet18-w8_1xb32-40e_digits',
    ),
    'cifar100-20': Pair(
        'resnet18-w16_resnet18-w8_1xb128-30e_cifar100-20',
        images=5120,
    ),
    'resnet18-w32': Pair(
        'resnet18-w32_resnet18-w16_1xb256-4e_cifar100',
        methods=('KDA pre-FC',),
        images=2560,
        batch_size=128,
    ),
    'resnet34': Pair(
        'resnet34_resnet18_1xb256-120e_cifar100',
        methods=('KD', 'KDA pre-FC'),
        images=256,
        batch_size=32,
    ),
    # For a GPU.
    'resnet34-gpu': Pair(
        'resnet34_resnet18_1xb256-120e_cifar100',
        methods=('KD', 'KDA pre-FC', 'KDA both'),
        images=5120,
    ),
    'resnet18-w32-gpu': Pair(
        'resnet34_resnet18-w32_1xb256-120e_cifar100',
        methods=('KD', 'KDA pre-FC', 'KDA both'),
        images=5120,
    ),
}


class Iterations:
    """The iterations of a run, one a call.

    Args:
        cfg: The config of the run.
    """

    def __init__(self, cfg: Config) -> None:
        self.runner = Runner.from_cfg(cfg)
        begin(self.runner)
        self.epoch_length = len(self.runner.train_dataloader)
        #: Seconds spent in the replayed teacher.
        self.replaying = 0.0
        self.calls = 0
        self._iterations = self._run()
        self._count_replaying()

    @property
    def optim_wrapper(self) -> OptimWrapper:
        """The optimizer of the run."""
        return self.runner.optim_wrapper

    def __call__(self) -> None:
        """The next iteration."""
        self.calls += 1
        next(self._iterations)

    def _run(self) -> Iterator[None]:
        loop = self.runner.train_loop
        while True:
            self.runner.call_hook('before_train_epoch')
            self.runner.model.train()
            for index, batch in enumerate(loop.dataloader):
                loop.run_iter(index, batch)
                yield
            self.runner.call_hook('after_train_epoch')
            loop._epoch += 1

    def _count_replaying(self) -> None:
        teacher = getattr(self.runner.model, 'teacher', None)
        replayed = vars(teacher or self).get('forward')
        if replayed is None:
            return

        def counted(*args, **kwargs):
            start = time.perf_counter()
            found = replayed(*args, **kwargs)
            self.replaying += time.perf_counter() - start
            return found

        teacher.forward = never_compiled(counted)


def step_config(path: Path, pair: Pair, work_dir: Path, mode: str) -> Config:
    """The config of a row.

    Args:
        path: Config of the method.
        pair: The pair.
        work_dir: Where the run may write; stores lie beside it.
        mode: The student alone, or what is done with the teacher; and the precision.
    """
    cfg = Config.fromfile(path)
    if mode in ALONE + COMPILED_ALONE:
        cfg = plain(cfg, 'architecture')
        cfg.val_cfg = dict()
    cfg.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'experiment_name': f'{path.stem}-{time.time_ns()}',
            'log_level': 'ERROR',
            'default_hooks.checkpoint.interval': 10**6,
            'train_cfg.max_epochs': 1000,
            'train_cfg.val_interval': 10**6,
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
        }
    )
    if pair.images is not None:
        cfg.train_dataloader.dataset.indices = pair.images
    if pair.batch_size is not None:
        cfg.train_dataloader.batch_size = pair.batch_size
    if 'teacher' in cfg.model:
        cfg.model.teacher_ckpt = None  # what it has learnt does not change what it costs
    hooks = [hook for hook in cfg.get('custom_hooks') or () if hook['type'] != 'LandmarkHook']
    if len(hooks) < len(cfg.get('custom_hooks') or ()):
        hooks.append(dict(type='LandmarkHook', warmup_epochs=0))
    if HALF in mode:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
    if LAYOUT in mode:
        hooks.append(dict(type='ChannelsLastHook'))
    if COMPILED in mode:
        cfg.compile = True
    if REPLAYED in mode:
        hooks.append(dict(type=REPLAY, store=str(work_dir.parent / 'replay'), views=1))
    cfg.custom_hooks = hooks
    return cfg


def replay_costs(
    name: str,
    rounds: int = 12,
    at_least: float = 0.5,
    out: Path | None = None,
    compiled: bool = False,
    methods: tuple[str, ...] | None = None,
) -> str:
    """Measure the rows of a pair.

    Args:
        name: Of the pair, see :data:`PAIRS`.
        rounds: Rounds in which all rows take turns. Defaults to 12.
        at_least: Seconds of a turn. Defaults to 0.5.
        out: A file for the figures, JSON. Defaults to None.
        compiled: Whether the rows are those of ``compile=True`` in the config, and what they are compared
            with, in the place of bfloat16 and channels_last. Defaults to False.
        methods: Names of methods. Defaults to None, those of the pair.

    Returns:
        A Markdown table.
    """
    pair = PAIRS[name]
    if methods:
        pair = replace(pair, methods=tuple(methods))
    with tempfile.TemporaryDirectory() as folder:
        rows = dict(_rows(pair, Path(folder), compiled))
        for row, step in rows.items():
            say(f'{row}: {step.epoch_length} iterations until there are landmarks')
            for _ in range(step.epoch_length + 1):
                step()
            step.replaying = step.calls = 0
        batch = rows[STUDENT].runner.train_dataloader.batch_size
        seconds = seconds_of(rows[STUDENT], at_least)
        ratios = ratios_in_turns(rows, STUDENT, rounds, at_least, uncounted=1)
        found = {
            row: dict(time=ratio, reading=rows[row].replaying / max(rows[row].calls, 1))
            for row, ratio in ratios.items()
        }
        for row, step in rows.items():
            found[row]['bytes'] = peak_memory(step)
        for row in rows.values():
            for hook in row.runner.hooks:
                if isinstance(hook, TeacherReplayHook):
                    hook.after_train(row.runner)
    for row in found.values():
        row['reading_share'] = row.pop('reading') / (seconds * row['time'])
    if out is not None:
        result = dict(pair=name, batch_size=batch, rounds=rounds, images_per_second=batch / seconds)
        out.write_text(json.dumps(dict(result, rows=found, **provenance()), indent=2) + '\n')
    return _table(found, batch / seconds)


def _rows(pair: Pair, folder: Path, compiled: bool) -> Iterator[tuple[str, Callable[[], None]]]:
    paths = {
        method: CONFIGS / f'distill/mmpretrain/{VARIANTS[method]}_{pair.name}.py'
        for method in pair.methods
    }
    alone, modes = (COMPILED_ALONE, COMPILED_MODES) if compiled else (ALONE, MODES)
    for row in alone:
        yield row, Iterations(step_config(paths[pair.methods[0]], pair, folder / 'run', row))
    for method, path in paths.items():
        for mode in modes:
            yield f'{method}, {mode}', Iterations(step_config(path, pair, folder / 'run', mode))


def _table(found: dict[str, dict], images_per_second: float) -> str:
    unit = found[STUDENT]['bytes']
    lines = [['whole iteration', 'time', 'images per second', 'memory', 'reading the store']]
    for row, figures in found.items():
        reading = f'{100 * figures["reading_share"]:.1f} %' if REPLAYED in row else '-'
        time, memory = figures['time'], figures['bytes'] / unit
        lines.append([row, f'{time:.2f}', f'{1 / time:.2f}', f'{memory:.2f}', reading])
    return (
        f'{markdown_table(lines)}\n\nIn multiples of the student alone, which has '
        f'{images_per_second:,.0f} images per second and {unit / 2**20:,.0f} MiB here.'
    )
