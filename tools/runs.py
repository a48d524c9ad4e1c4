"""Runs of tools/train.py in subprocesses: several methods and seeds, nothing finished repeated."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import run_folder
from mmengine.config import Config
from processes import end_group, lock_file
from progress import Progress

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
TEACHER = 'teacher'


@dataclass(frozen=True)
class Method:
    """What is trained under a name.

    Args:
        config: Its config file.
        distilled: Whether it takes the teacher's checkpoint.
        first: Name of the method whose last checkpoint it starts from, for those of two stages.
        seeds: How many seeds of it are run, if not as many as of the others.
    """

    config: Path
    distilled: bool = False
    first: str | None = None
    seeds: int | None = None


@dataclass
class _Running:
    process: subprocess.Popen
    slot: int
    start: float
    lock: object
    begun: float
    stalled: bool = False
    ended: bool = False


class Runs:
    """Methods times seeds, each a run of tools/train.py in a folder of its own.

    A run that was killed is resumed, one that is finished is not repeated unless its config has
    changed. One that fails is reported, what needs it is left out, and the others go on. A process
    that an earlier start left behind is ended before its run is resumed. A run that shows no sign of
    life is reported, and ended if asked.

    Args:
        work_dir: Where the runs are kept.
        methods: Name of a method -> what it is. ``'teacher'`` is the teacher, if it is trained here.
        seeds: Number of seeds, from 0.
        jobs: Runs at a time.
        teacher: Checkpoint of a teacher that is not trained here. Defaults to None.
        gpus: Numbers of the GPUs to spread the runs over. Defaults to none: torch's own choice.
        ranks: Processes, and GPUs, of one run. Defaults to 1.
        arguments: More arguments of tools/train.py.
        options: More ``key=value`` for its ``--cfg-options``.
        stall_minutes: Minutes without a line of log after which a run is reported. Defaults to 30.
        timeout: Whether such a run is ended, too. Defaults to False.

    Raises:
        ValueError: If a method cannot be the name of a folder, or there are too few GPUs.
    """

    def __init__(
        self,
        work_dir: Path,
        methods: dict[str, Method],
        seeds: int,
        jobs: int,
        teacher: str | None = None,
        gpus: Sequence[int] = (),
        ranks: int = 1,
        arguments: Sequence[str] = (),
        options: Sequence[str] = (),
        stall_minutes: float = 30.0,
        timeout: bool = False,
    ) -> None:
        run_folder.check_names(methods)
        self.work_dir = work_dir
        self.stall_minutes = stall_minutes
        self.timeout = timeout
        self.methods = methods
        self.seeds = range(seeds)
        self.teacher = teacher
        self.gpus = list(gpus)
        self.ranks = ranks
        self.arguments = list(arguments)
        self.more_options = list(options)
        self.slots = self._slots(jobs)
        #: (method, seed) -> why it failed.
        self.failed: dict[tuple[str, int], str] = {}
        #: Finished runs that another version of the package has made.
        self.outdated: list[tuple[str, int]] = []
        self._running: dict[tuple[str, int], _Running] = {}
        self._done = 0

    def _slots(self, jobs: int) -> list[str | None]:
        if not self.gpus:
            return [None] * jobs
        if self.ranks == 1:
            return [str(self.gpus[i % len(self.gpus)]) for i in range(jobs)]
        groups = [self.gpus[i : i + self.ranks] for i in range(0, len(self.gpus), self.ranks)]
        whole = [','.join(map(str, group)) for group in groups if len(group) == self.ranks]
        if not whole:
            raise ValueError(
                f'ranks={self.ranks} is more than the GPUs given: {self.gpus}. Give --ranks, or more '
                '--gpus.'
            )
        return [whole[i % len(whole)] for i in range(min(jobs, len(whole)))]

    def all(self) -> list[tuple[str, int]]:
        """Every (method, seed)."""
        return [
            (name, seed)
            for name, method in self.methods.items()
            for seed in range(len(self.seeds) if method.seeds is None else method.seeds)
        ]

    def __len__(self) -> int:
        return len(self.all())

    def needs(self, method: str, seed: int) -> dict[str, tuple[str, int]]:
        """Key of the config -> the run whose last checkpoint is put there."""
        found = {}
        spec = self.methods[method]
        if spec.distilled and self.teacher is None:
            seeds = self.methods[TEACHER].seeds
            found['model.teacher_ckpt'] = TEACHER, seed if seeds is None else min(seed, seeds - 1)
        if spec.first is not None:
            found['model.init_cfg.checkpoint'] = spec.first, seed
        return found

    def run_dir(self, method: str, seed: int) -> Path:
        """Where a run is kept."""
        return self.work_dir / run_folder.folder_of(method) / f'seed{seed}'

    def checkpoint(self, method: str, seed: int) -> str:
        """The last checkpoint of a run, as its own ``last_checkpoint`` file names it."""
        return (self.run_dir(method, seed) / 'last_checkpoint').read_text().strip()

    def scalars(self, method: str, seed: int) -> list[dict]:
        """Every line of figures that a run logged, over all its starts."""
        return list(run_folder.read_figures(self.run_dir(method, seed)))

    def logged(self, method: str, seed: int, key: str = 'accuracy/top1') -> list[float]:
        """The values of a figure that a run's validations logged, the last one last."""
        by_step = {
            row.get('step', i): row for i, row in enumerate(self.scalars(method, seed)) if key in row
        }
        return [by_step[step][key] for step in sorted(by_step)]

    def options(self, method: str, seed: int) -> list[str]:
        """What a run overrides in its config, on the command line of tools/train.py."""
        settings = {'randomness.seed': seed}
        if self.methods[method].distilled and self.teacher is not None:
            settings['model.teacher_ckpt'] = self.teacher
        for key, run in self.needs(method, seed).items():
            settings[key] = self.checkpoint(*run)
        return [f'{key}={value}' for key, value in settings.items()] + self.more_options

    def fingerprint(self, method: str, seed: int) -> str:
        """Of what a result depends on: its config, with all it inherits, and the runs it needs."""
        parts = [_resolved(self.methods[method].config), str(seed), *self.arguments, *self.more_options]
        if self.methods[method].distilled:
            parts.append(self.teacher or '')
        parts += [self.fingerprint(*run) for run in self.needs(method, seed).values()]
        return hashlib.sha256('\n'.join(parts).encode()).hexdigest()

    def finished(self, method: str, seed: int) -> bool:
        """Whether a run of this very config is finished."""
        begun = self.mark(method, seed)
        if not begun.get('finished', False):
            return False
        return begun.get('fingerprint') == self.fingerprint(method, seed)

    def mark(self, method: str, seed: int) -> dict:
        """What a run noted of itself: its fingerprint, whether it is finished, its commit; or nothing."""
        return run_folder.read_mark(self.run_dir(method, seed))

    def check_options(self) -> None:
        """Refuse options that the config of a method has no place for, before anything is trained.

        Raises:
            SystemExit: If there is one; with the method and the part that its config lacks.
        """
        for option in self.more_options:
            key, equals, _ = option.partition('=')
            if not equals:
                raise SystemExit(f'--cfg-options {option}: write key=value.')
            for name, method in self.methods.items():
                lacks = _missing_part(json.loads(_resolved(method.config)), key)
                if lacks is not None:
                    raise SystemExit(
                        f'--cfg-options {option}: the config of {name!r}, {method.config}, has no '
                        f'{lacks}. The options are for every run: leave it out, or write it into the '
                        'config of the methods that it is for.'
                    )

    def train_all(self, strict: bool = True, fresh: bool = False) -> None:
        """Every run, each as soon as what it needs is there.

        Args:
            strict: Whether to end the program where a run failed. Defaults to True.
            fresh: Whether to delete the folders of these runs first. Defaults to False.

        Raises:
            SystemExit: If another program is at work in the same folder, a folder of a run is not ours,
                the disk is full, or, if strict, where a run failed: with the end of its log.
        """
        try:
            self.work_dir.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise SystemExit(f'--work-dir={self.work_dir} is a file: give a folder.') from None
        self._done, self.failed, self.outdated = 0, {}, []
        with (self.work_dir / '.lock').open('w') as lock, Progress(self) as self._progress:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SystemExit(f'{self.work_dir} is in use by another program of this kind.') from None
            previous = {sig: signal.getsignal(sig) for sig in (signal.SIGTERM, signal.SIGHUP)}
            for sig, handler in previous.items():
                if handler is not signal.SIG_IGN:  # as under nohup
                    signal.signal(sig, _interrupt)
            try:
                for path in self.work_dir.glob('*/seed*.lock'):
                    lock_file(path).close()  # ends what a start that was killed has left behind
                if fresh:
                    for run in self.all():
                        run_folder.delete(self.run_dir(*run))
                self._schedule()
            except run_folder.ForeignFolderError as error:
                raise SystemExit(str(error)) from error
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise SystemExit(
                    f'{self.work_dir}: the disk is full. Make room; the same command goes on from here.'
                ) from error
            finally:
                for run in self._running.values():
                    end_group(run.process.pid)
                self._running = {}
                for sig, handler in previous.items():
                    signal.signal(sig, handler)
        if strict and self.failed:
            raise SystemExit('\n'.join(self.failed.values()))

    def _schedule(self) -> None:
        waiting = self.all()
        free = list(range(len(self.slots)))
        finished: set[tuple[str, int]] = set()
        while waiting or self._running:
            for run in list(waiting):
                needed = self.needs(*run).values()
                lost = [other for other in needed if other in self.failed]
                if lost:
                    waiting.remove(run)
                    self._fail(run, f'needs {_title(lost[0])}, which failed')
                elif all(other in finished for other in needed):
                    if self.finished(*run):
                        waiting.remove(run)
                        finished.add(run)
                        self._skip(run)
                    elif free:
                        waiting.remove(run)
                        self._start(run, free.pop(0))
            self._look_for_stalled()
            for run in [r for r, running in self._running.items() if running.process.poll() is not None]:
                running = self._running.pop(run)
                running.lock.close()
                free.append(running.slot)
                if running.process.returncode or running.ended:
                    self._fail(run, self._why(run, running))
                else:
                    finished.add(run)
                    self._finish(run, running)
            self._progress.update()
            if self._running:
                time.sleep(0.2)

    def command(self, method: str, seed: int) -> list[str]:
        """The command line of a run."""
        launch, arguments = [sys.executable], list(self.arguments)
        if self.ranks > 1:
            launch += ['-m', 'torch.distributed.run', f'--nproc_per_node={self.ranks}']
            launch += ['--master_port=0', '--rdzv_backend=c10d', '--rdzv_endpoint=localhost:0']
            arguments += ['--launcher', 'pytorch']
        launch += [str(ROOT / 'tools' / 'train.py'), str(self.methods[method].config)]
        launch += ['--work-dir', str(self.run_dir(method, seed)), '--resume', *arguments]
        return [*launch, '--cfg-options', *self.options(method, seed)]

    def _start(self, run: tuple[str, int], slot: int) -> None:
        directory = self.run_dir(*run)
        directory.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_file(directory.with_suffix('.lock'))
        state = dict(fingerprint=self.fingerprint(*run), code=_code(), commit=commit(), finished=False)
        begun = self.mark(*run)
        if begun.get('fingerprint') != state['fingerprint']:
            run_folder.delete(directory)
        directory.mkdir(parents=True, exist_ok=True)
        state['seconds'] = begun.get('seconds', 0) if begun else 0
        run_folder.write_mark(directory, state)
        # Runs side by side use the cores better than one run on all of them.
        threads = max(1, (os.cpu_count() or 1) // (len(self.slots) * self.ranks))
        env = {**os.environ, 'OMP_NUM_THREADS': str(threads)}
        if self.slots[slot] is not None:
            env['CUDA_VISIBLE_DEVICES'] = self.slots[slot]
        with (directory / 'train.log').open('a') as output:
            process = subprocess.Popen(
                self.command(*run),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,  # so that its data loaders end with it
                pass_fds=[lock.fileno()],  # held for as long as any of them lives
            )
        lock.seek(0)
        lock.truncate()
        lock.write(str(process.pid))
        lock.flush()
        self._running[run] = _Running(process, slot, time.perf_counter(), lock, time.time())

    def _finish(self, run: tuple[str, int], running: _Running) -> None:
        took = time.perf_counter() - running.start
        mark = self.mark(*run)
        mark.update(finished=True, seconds=mark.get('seconds', 0) + took)
        run_folder.write_mark(self.run_dir(*run), mark)
        accuracies = self.logged(*run)
        top1 = f'top-1 {accuracies[-1]:.2f}' if accuracies else 'finished'
        self._say(f'{_title(run)}: {top1} ({took:.0f} s)')

    def _skip(self, run: tuple[str, int]) -> None:
        other = self.mark(*run).get('code') != _code()
        if other:
            self.outdated.append(run)
        note = '; by another version of the package' if other else ''
        self._say(f'{_title(run)}: finished before, not repeated{note}')

    def _fail(self, run: tuple[str, int], why: str) -> None:
        self.failed[run] = f'{_title(run)}: {why}'
        self._say(f'{_title(run)} FAILED: {why.splitlines()[0]}')

    def _look_for_stalled(self) -> None:
        for run, running in self._running.items():
            sign = max(running.begun, run_folder.last_sign_of_life(self.run_dir(*run)))
            stalled = time.time() - sign > 60 * self.stall_minutes
            if stalled and not running.stalled:
                ended = '; it is ended' if self.timeout else '; --timeout would end it'
                self._progress.say(
                    f'{_title(run)}: no sign of life for {self.stall_minutes:g} minutes (stall_minutes)'
                    f'{ended}. See {self.run_dir(*run) / "train.log"}'
                )
                if self.timeout:
                    end_group(running.process.pid)
                    running.ended = True  # end_group has taken the exit code
                    running.process.wait()
            running.stalled = stalled

    def _why(self, run: tuple[str, int], running: _Running) -> str:
        log = self.run_dir(*run) / 'train.log'
        text = log.read_text(errors='replace')
        last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), 'no output')
        number = -running.process.returncode
        if running.ended:
            why = f'ended, as it gave no sign of life for {self.stall_minutes:g} minutes'
        elif _NO_SPACE in text[-3000:] or shutil.disk_usage(self.work_dir).free < 1 << 20:
            # torch says only that writing failed, and a log may have had no room for the reason.
            why = f'the disk of {self.work_dir} is full: make room'
        elif number > 0:
            why = f'killed by signal {number} ({_signal_name(number)})'
            if number == signal.SIGKILL:
                why += ', as the system does when memory runs out'
        else:
            why = last
        return f'{why}; see {log}\n{text[-3000:]}'

    def _say(self, message: str) -> None:
        self._done += 1
        self._progress.say(f'[{self._done:3}/{len(self)}] {message}')

    def length(self, method: str) -> int:
        """Epochs, or iterations, of a run."""
        cfg = json.loads(_resolved(self.methods[method].config))['train_cfg']
        return cfg.get('max_epochs') or cfg.get('max_iters') or 1

    def progress_of(self, method: str, seed: int) -> float:
        """Epochs (or iterations) that a run has behind it, as far as its log tells."""
        if self.finished(method, seed):
            return self.length(method)
        for row in reversed(self.scalars(method, seed)):
            if 'loss' in row:
                at = row['epoch'] - 1 if 'epoch' in row else row.get('step', 0)
                return min(max(at, 0), self.length(method))
        return 0


def commit() -> str | None:
    """The commit of this checkout, with a + where files were changed since, or None."""
    if not (ROOT / '.git').exists():  # installed, and perhaps below a repository of somebody else's
        return None
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        found = subprocess.run(
            ['git', '-C', str(ROOT), 'rev-parse', '--short', 'HEAD'],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        dirty = subprocess.run(
            ['git', '-C', str(ROOT), 'status', '--porcelain', '--untracked-files=no'],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        return f'{found}+' if dirty else found
    return None


_NO_SPACE = os.strerror(errno.ENOSPC)


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return 'unknown'


def _missing_part(cfg: object, key: str) -> str | None:
    """The first part of a dotted key but its last that a config does not have; None if it has all."""
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


def _title(run: tuple[str, int]) -> str:
    return f'{run[0]}, seed {run[1]}'


@functools.cache
def _resolved(config: Path) -> str:
    """A config with all it inherits, as text."""
    return json.dumps(Config.fromfile(config).to_dict(), sort_keys=True, default=str)


@functools.cache
def _code() -> str:
    """Of the package, wherever it is installed."""
    package = Path(importlib.util.find_spec('mmnystrom').origin).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob('*.py')):
        if '.mim' not in path.relative_to(package).parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _interrupt(number, frame) -> None:
    raise KeyboardInterrupt


def markdown_table(lines: Iterable[list[str]]) -> str:
    """A Markdown table, its columns aligned so that it reads well on a terminal too.

    Example:
        >>> print(markdown_table([['a', 'bb'], ['ccc', 'd']]))
        | a   | bb |
        |-----|----|
        | ccc | d  |
    """
    lines = list(lines)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        f'| {" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |'
        for line in lines
    ]
    rule = f'|{"|".join("-" * (width + 2) for width in widths)}|'
    return '\n'.join([rows[0], rule, *rows[1:]])
