"""Runs of tools/train.py in processes of their own, each as soon as what it needs is there."""

from __future__ import annotations

import copy
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import torch

from mmnystrom.bridge.threads import usable_cores

from .errors import RunFailedError, SuiteError, WorkDirError
from .places import TOOLS
from .plan import Plan, Run
from .processes import end_group, exclusive, interrupted_by_signals, lock_file, signal_name
from .progress import Progress
from .provenance import code_fingerprint, commit, machine
from .warm import Warm, WarmRun

_NO_SPACE = os.strerror(errno.ENOSPC)


@dataclass
class _Running:
    """A run that is going on; ``start`` by the clock of durations, ``begun`` by that of files."""

    process: subprocess.Popen | WarmRun
    slot: int
    lock: IO
    start: float
    begun: float
    stalled: bool = False
    ended: bool = False


class Scheduler:
    """Trains the runs of a plan.

    A run that was killed is resumed. One that is finished is not repeated, unless its config has
    changed. One that fails is reported, what needs it is left out, and the others go on. A process
    that an earlier start left behind is ended before its run is resumed. A run that shows no sign of
    life is reported, and ended if asked.

    Args:
        plan: What is trained.
        jobs: Runs at a time.
        gpus: Numbers of the GPUs to spread the runs over. Defaults to none: torch's own choice.
        ranks: Processes, and GPUs, of one run. Defaults to 1.
        stall_minutes: Minutes without a line of log after which a run is reported. Defaults to 30.
        timeout: Whether such a run is ended, too. Defaults to False.
        warm: Whether runs of one process are forks of a process that has imported everything, where the
            system can, see :class:`~.warm.Warm`. Defaults to True.

    Attributes:
        failed (dict): Run -> why it failed.
        outdated (list): Finished runs that another version of the package has made.

    Raises:
        SuiteError: If there are too few GPUs.
    """

    def __init__(
        self,
        plan: Plan,
        jobs: int,
        gpus: Sequence[int] = (),
        ranks: int = 1,
        stall_minutes: float = 30.0,
        timeout: bool = False,
        warm: bool = True,
    ) -> None:
        self.plan = plan
        self.gpus = list(gpus)
        self.ranks = ranks
        self.stall_minutes = stall_minutes
        self.timeout = timeout
        self.slots = self._slots(jobs)
        self.failed: dict[Run, str] = {}
        self.outdated: list[Run] = []
        self._running: dict[Run, _Running] = {}
        self._done = 0
        self._warm: Warm | None = None
        self._can_be_warm = warm and ranks == 1 and Warm.possible()

    def of(self, plan: Plan) -> Scheduler:
        """A scheduler like this one, of another plan."""
        other = copy.copy(self)
        other.plan = plan
        other.failed, other.outdated, other._running, other._done = {}, [], {}, 0
        return other

    def _slots(self, jobs: int) -> list[str | None]:
        if not self.gpus:
            return [None] * jobs
        if self.ranks == 1:
            return [str(self.gpus[i % len(self.gpus)]) for i in range(jobs)]
        groups = [self.gpus[i : i + self.ranks] for i in range(0, len(self.gpus), self.ranks)]
        whole = [','.join(map(str, group)) for group in groups if len(group) == self.ranks]
        if not whole:
            raise SuiteError(
                f'ranks={self.ranks} is more than the GPUs given: {self.gpus}. Give --ranks, or more '
                '--gpus.'
            )
        return [whole[i % len(whole)] for i in range(min(jobs, len(whole)))]

    def train_all(self, strict: bool = True, fresh: bool = False) -> None:
        """Train every run of the plan.

        Args:
            strict: Whether a run that failed is an error, once the others are done. Defaults to True.
            fresh: Whether to delete the folders of these runs first. Defaults to False.

        Raises:
            WorkDirError: If another program is at work in the same folder, or the disk is full.
            ForeignFolderError: If a folder in the place of a run is not ours.
            RunFailedError: If ``strict`` and a run failed; with the end of its log.
        """
        work_dir = self.plan.work_dir
        self._done, self.failed, self.outdated = 0, {}, []
        with exclusive(work_dir), interrupted_by_signals(), Progress(self.plan, self.failed) as progress:
            self._progress = progress
            try:
                for path in work_dir.glob('*/seed*.lock'):
                    lock_file(path).close()  # ends what a start that was killed has left behind
                if fresh:
                    for run in self.plan:
                        run.folder.delete()
                self._schedule()
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise WorkDirError(
                    f'{work_dir}: the disk is full. Make room; the same command goes on from here.'
                ) from error
            finally:
                for running in self._running.values():
                    end_group(running.process.pid)
                self._running = {}
                if self._warm is not None:
                    self._warm.close()
                    self._warm = None
        if strict and self.failed:
            raise RunFailedError('\n'.join(self.failed.values()))

    def _schedule(self) -> None:
        # All first seeds come first: what is stopped early can be compared.
        waiting, finished = sorted(self.plan, key=lambda run: run.seed), set()
        free = list(range(len(self.slots)))
        while waiting or self._running:
            for run in list(waiting):
                needed = run.needs.values()
                lost = [other for other in needed if other in self.failed]
                if lost:
                    waiting.remove(run)
                    self._fail(run, f'needs {lost[0]}, which failed')
                elif all(other in finished for other in needed):
                    if run.finished:
                        waiting.remove(run)
                        finished.add(run)
                        self._skip(run)
                    elif free:
                        waiting.remove(run)
                        self._start(run, free.pop(0))
            self._look_for_stalled()
            for run, running in list(self._running.items()):
                if running.process.poll() is None:
                    continue
                del self._running[run]
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

    def command(self, run: Run) -> list[str]:
        """The command line of a run."""
        launch, arguments = [sys.executable], list(run.arguments)
        if self.ranks > 1:
            launch += ['-m', 'torch.distributed.run', f'--nproc_per_node={self.ranks}']
            launch += ['--master_port=0', '--rdzv_backend=c10d', '--rdzv_endpoint=localhost:0']
            arguments += ['--launcher', 'pytorch']
        launch += [str(TOOLS / 'train.py'), str(run.spec.config)]
        launch += ['--work-dir', str(run.folder.path), '--resume', *arguments]
        return [*launch, '--cfg-options', *run.overrides]

    def _start(self, run: Run, slot: int) -> None:
        folder = run.folder
        folder.path.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_file(folder.lock)
        state = dict(
            fingerprint=run.fingerprint,
            code=code_fingerprint(),
            commit=commit(),
            machine=f'{machine()}, torch {torch.__version__}',
            finished=False,
        )
        before = folder.read_mark()
        if before.get('fingerprint') != state['fingerprint']:
            folder.delete()
        folder.write_mark({**state, 'seconds': before.get('seconds', 0)})
        # Runs side by side use the cores better than one run on all of them.
        threads = max(1, usable_cores() // (len(self.slots) * self.ranks))
        env = {**os.environ, 'OMP_NUM_THREADS': str(threads)}
        own = {} if self.slots[slot] is None else {'CUDA_VISIBLE_DEVICES': self.slots[slot]}
        with folder.log.open('a') as output:
            process = self._begin_warm(run, env, own, output, lock) or subprocess.Popen(
                self.command(run),
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**env, **own},
                start_new_session=True,  # so that its data loaders end with it
                pass_fds=[lock.fileno()],  # held for as long as any of them lives
            )
        lock.seek(0)
        lock.truncate()
        lock.write(str(process.pid))
        lock.flush()
        self._running[run] = _Running(process, slot, lock, time.perf_counter(), time.time())

    def _begin_warm(self, run: Run, env: dict, own: dict, output: IO, lock: IO) -> WarmRun | None:
        if not self._can_be_warm:
            return None
        try:
            self._warm = self._warm or Warm(env)
            return self._warm.start(self.command(run)[1:], output, lock, environment=own)
        except OSError:  # its runs, if it has died, are reported; those to come are started
            self._can_be_warm = False
            return None

    def _finish(self, run: Run, running: _Running) -> None:
        took = time.perf_counter() - running.start
        mark = run.folder.read_mark()
        mark.update(finished=True, seconds=mark.get('seconds', 0) + took)
        run.folder.write_mark(mark)
        accuracies = run.folder.logged()
        top1 = f'top-1 {accuracies[-1]:.2f}' if accuracies else 'finished'
        self._say(f'{run}: {top1} ({took:.0f} s)')

    def _skip(self, run: Run) -> None:
        other = run.folder.read_mark().get('code') != code_fingerprint()
        if other:
            self.outdated.append(run)
        note = '; by another version of the package' if other else ''
        self._say(f'{run}: finished before, not repeated{note}')

    def _fail(self, run: Run, why: str) -> None:
        self.failed[run] = f'{run}: {why}'
        self._say(f'{run} FAILED: {why.splitlines()[0]}')

    def _look_for_stalled(self) -> None:
        for run, running in self._running.items():
            sign = max(running.begun, run.folder.last_sign_of_life())
            stalled = time.time() - sign > 60 * self.stall_minutes
            if stalled and not running.stalled:
                ended = '; it is ended' if self.timeout else '; --timeout would end it'
                self._progress.say(
                    f'{run}: no sign of life for {self.stall_minutes:g} minutes (stall_minutes)'
                    f'{ended}. See {run.folder.log}'
                )
                if self.timeout:
                    end_group(running.process.pid)
                    running.ended = True  # end_group has taken the exit code
                    running.process.wait()
            running.stalled = stalled

    def _why(self, run: Run, running: _Running) -> str:
        log = run.folder.log
        text = log.read_text(errors='replace')
        number = -running.process.returncode
        if running.ended:
            why = f'ended, as it gave no sign of life for {self.stall_minutes:g} minutes'
        elif _NO_SPACE in text[-3000:] or shutil.disk_usage(self.plan.work_dir).free < 1 << 20:
            # torch says only that writing failed, and a log may have had no room for the reason.
            why = f'the disk of {self.plan.work_dir} is full: make room'
        elif number > 0:
            why = f'killed by signal {number} ({signal_name(number)})'
            if number == signal.SIGKILL:
                why += ', as the system does when memory runs out'
        else:
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            why = lines[-1] if lines else 'no output'
        return f'{why}; see {log}\n{text[-3000:]}'

    def _say(self, message: str) -> None:
        self._done += 1
        self._progress.say(f'[{self._done:3}/{len(self.plan)}] {message}')
