"""What a benchmark trains: methods times seeds, each a run in a folder of its own."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config, DictAction

from .errors import SuiteError
from .run_folder import RunFolder, check_names, folder_name

TEACHER = 'teacher'
STUDENT = 'student alone'
#: What a method with tuned weights has behind its name.
TUNED = ' tuned'


@dataclass(frozen=True)
class Method:
    """What is trained under a name.

    Args:
        config: Its config file.
        distilled: Whether it takes the teacher's checkpoint. Defaults to False.
        first: Name of the method whose last checkpoint it starts from, for those of two stages.
            Defaults to None.
        seeds: How many seeds of it are run; 0: only others look at its config. Defaults to None, as many
            as of the others.
        store_key: Key of its config that takes the folder of replayed teachers, if its teacher is
            replayed. Defaults to None.
        changes: What it changes in its config, as :meth:`Config.merge_from_dict` takes it. Defaults to
            None, nothing.
    """

    config: Path
    distilled: bool = False
    first: str | None = None
    seeds: int | None = None
    store_key: str | None = None
    changes: dict | None = field(default=None, hash=False)


@dataclass(frozen=True)
class Run:
    """One training: a method with a seed. Two are equal if method and seed are.

    Args:
        method: Name of the method.
        seed: The seed.
        spec: What the method is.
        folder: Where the run is kept.
        needs: Key of the config -> the run whose last checkpoint is put there.
        settings: What else this run overrides in its config.
        places: What it overrides that says where something is kept, and changes no result.
        arguments: More arguments of tools/train.py.
        options: More ``key=value`` for its ``--cfg-options``.
    """

    method: str
    seed: int
    spec: Method = field(compare=False)
    folder: RunFolder = field(compare=False)
    needs: dict[str, Run] = field(compare=False, default_factory=dict)
    settings: dict[str, object] = field(compare=False, default_factory=dict)
    places: dict[str, object] = field(compare=False, default_factory=dict)
    arguments: tuple[str, ...] = field(compare=False, default=())
    options: tuple[str, ...] = field(compare=False, default=())

    def __str__(self) -> str:
        return f'{self.method}, seed {self.seed}'

    @property
    def checkpoint(self) -> str:
        """Its last checkpoint.

        Raises:
            ResultError: If there is none.
        """
        return self.folder.checkpoint

    @property
    def overrides(self) -> list[str]:
        """What the run overrides in its config, as ``key=value``."""
        found = {'randomness.seed': self.seed, **self.settings, **self.places}
        found.update({key: run.checkpoint for key, run in self.needs.items()})
        return [f'{key}={value}' for key, value in found.items()] + list(self.options)

    @property
    def shared_overrides(self) -> dict:
        """Changes that all runs of the plan share, as :meth:`Config.merge_from_dict` takes them."""
        pairs = (option.split('=', 1) for option in self.options)
        found = {key: DictAction._parse_iterable(value) for key, value in pairs}
        if '--amp' in self.arguments:
            found['optim_wrapper.type'] = 'AmpOptimWrapper'
        return found

    @property
    def fingerprint(self) -> str:
        """Hash of everything the result depends on: the whole config, and the runs that it needs."""
        parts = [resolved(self.spec.config), str(self.seed), *self.arguments, *self.options]
        parts += [_content(value) for value in self.settings.values()]
        parts += [run.fingerprint for run in self.needs.values()]
        return _hash(parts)

    @property
    def recipe(self) -> str:
        """Hash of how the method is trained, whatever the seed and the teacher."""
        return recipe(self.spec.config, self.arguments, self.options)

    @property
    def finished(self) -> bool:
        """Whether a run of this very config is finished."""
        mark = self.folder.read_mark()
        return bool(mark.get('finished')) and mark.get('fingerprint') == self.fingerprint

    @property
    def length(self) -> int:
        """Epochs, or iterations, of the whole run."""
        cfg = json.loads(resolved(self.spec.config))['train_cfg']
        return cfg.get('max_epochs') or cfg.get('max_iters') or 1

    @property
    def progress(self) -> float:
        """Epochs (or iterations) that the run has behind it, as far as its log tells."""
        if self.finished:
            return self.length
        for row in reversed(self.folder.figures()):
            if 'loss' in row:
                at = row['epoch'] - 1 if 'epoch' in row else row.get('step', 0)
                return min(max(at, 0), self.length)
        return 0


class Plan:
    """Methods times seeds.

    Args:
        work_dir: Where the runs are kept.
        methods: Name of a method -> what it is. ``'teacher'`` is the teacher, if it is trained here.
        seeds: Number of seeds.
        teacher: Checkpoint of a teacher that is not trained here. Defaults to None.
        arguments: More arguments of tools/train.py, for every run.
        options: More ``key=value`` for its ``--cfg-options``, for every run.
        validation: Share of the training images on which the runs are scored. Defaults to None: it is the
            test split.
        first_seed: The first of the seeds. Defaults to 0. Of a method with a number of seeds of its own,
            such as a teacher, the first is always 0.

    Raises:
        ValueError: If a method cannot be the name of a folder.
    """

    def __init__(
        self,
        work_dir: Path,
        methods: dict[str, Method],
        seeds: int,
        teacher: str | None = None,
        arguments: Sequence[str] = (),
        options: Sequence[str] = (),
        validation: float | None = None,
        first_seed: int = 0,
    ) -> None:
        check_names(methods)
        self.work_dir = work_dir
        self.methods = methods
        self.seeds = range(first_seed, first_seed + seeds)
        self.teacher = teacher
        self.arguments = tuple(arguments)
        self.options = tuple(options)
        self.validation = validation
        #: What was tried for the methods with tuned weights, see :mod:`~.tuning`; None: there are none.
        self.tuning: dict | None = None

    def with_methods(self, methods: dict[str, Method]) -> Plan:
        """The same plan of other methods.

        Raises:
            ValueError: If a method cannot be the name of a folder.
        """
        check_names(methods)
        other = copy.copy(self)
        other.methods = methods
        return other

    def __iter__(self) -> Iterator[Run]:
        return (run for name in self.methods for run in self.of(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of(self, method: str) -> list[Run]:
        """The runs of a method."""
        own = self.methods[method].seeds
        return [self.run(method, seed) for seed in (self.seeds if own is None else range(own))]

    def run(self, method: str, seed: int) -> Run:
        """A run of the plan."""
        spec = self.methods[method]
        needs, settings = {}, {}
        if spec.distilled:
            if self.teacher is None:
                needs['model.teacher_ckpt'] = self.teacher_run(seed)
            else:
                settings['model.teacher_ckpt'] = self.teacher
        if spec.first is not None:
            needs['model.init_cfg.checkpoint'] = self.run(spec.first, seed)
        places = {spec.store_key: str(self.store)} if spec.store_key else {}
        folder = RunFolder(self.work_dir / folder_name(method) / f'seed{seed}')
        return Run(method, seed, spec, folder, needs, settings, places, self.arguments, self.options)

    def teacher_run(self, seed: int) -> Run:
        """The teacher that the students of a seed learn from."""
        seeds = self.methods[TEACHER].seeds
        return self.run(TEACHER, seed if seeds is None else min(seed, seeds - 1))

    @property
    def store(self) -> Path:
        """Where the outputs of replayed teachers are kept, for all runs."""
        return self.work_dir / 'replay'

    @property
    def reported(self) -> list[str]:
        """The methods that a report compares: no teachers, no first stages, none without a seed."""
        left_out = {TEACHER, *(spec.first for spec in self.methods.values())}
        return [name for name, spec in self.methods.items() if name not in left_out and spec.seeds != 0]

    def check_options(self) -> None:
        """Refuse options that the config of a method has no place for.

        Raises:
            SuiteError: If there is one; with the method, and the part that its config lacks.
        """
        for option in self.options:
            key, equals, _ = option.partition('=')
            if not equals:
                raise SuiteError(f'--cfg-options {option}: write key=value.')
            for name, method in self.methods.items():
                lacks = missing_part(method.config, key)
                if lacks is not None:
                    raise SuiteError(
                        f'--cfg-options {option}: the config of {name!r}, {method.config}, has no '
                        f'{lacks}. The options are for every run: leave it out, or {self._instead(key)}.'
                    )

    def _instead(self, key: str) -> str:
        """What to do with an option that not every config has a place for."""
        for name, method in self.methods.items():
            if missing_part(method.config, key) is None:
                given = f'{name!r}: dict(config=..., options={{...}})'
                return f'give it to the methods that it is for, in the suite: {given}'
        return 'correct it'


@functools.cache
def resolved(config: Path) -> str:
    """A config with all that it inherits, as text."""
    return json.dumps(Config.fromfile(config).to_dict(), sort_keys=True, default=str)


def recipe(config: Path, arguments: Sequence[str] = (), options: Sequence[str] = ()) -> str:
    """Hash of how a config is trained; see :class:`Run` for the arguments."""
    return _hash([resolved(config), *arguments, *options])


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256('\n'.join(parts).encode()).hexdigest()


def _content(value: object) -> str:
    """What a setting stands for: of a file, such as a given teacher, what is in it, wherever it is."""
    path = Path(str(value))
    if not path.is_file():
        return str(value)
    found = path.stat()
    return _hash_of_file(path, found.st_mtime_ns, found.st_size)


@functools.cache
def _hash_of_file(path: Path, changed: int, size: int) -> str:
    found = hashlib.sha256()
    with path.open('rb') as file:
        for part in iter(lambda: file.read(1 << 20), b''):
            found.update(part)
    return found.hexdigest()


def missing_part(config: Path, key: str) -> str | None:
    """The first part of a dotted key that a config lacks, its last part aside; None if it has all."""
    cfg = json.loads(resolved(config))
    parts = key.split('.')
    for i, part in enumerate(parts[:-1], 1):
        if isinstance(cfg, list) and part.isdigit() and int(part) < len(cfg):
            cfg = cfg[int(part)]
        elif isinstance(cfg, dict) and part in cfg:
            cfg = cfg[part]
        else:
            return '.'.join(parts[:i])
        if not isinstance(cfg, (dict, list)):
            return '.'.join(parts[: i + 1])
    return None
