"""Runs of tools/train.py in subprocesses: several methods and seeds, nothing finished repeated."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'


class Runs:
    """Methods times seeds, each a run of tools/train.py in a folder of its own.

    A run that was killed is resumed, one that is finished is not repeated unless its config or the
    package has changed.

    Args:
        work_dir: Where the runs are kept.
        methods: Name of a method -> its config file. The first is the teacher.
        distilled: Names of the methods that take the teacher's checkpoint of their seed.
        seeds: Number of seeds, from 0.
        jobs: Runs at a time.
    """

    def __init__(
        self, work_dir: Path, methods: dict[str, Path], distilled: set[str], seeds: int, jobs: int
    ) -> None:
        self.work_dir = work_dir
        self.methods = methods
        self.distilled = distilled
        self.seeds = range(seeds)
        self.jobs = jobs
        self._done = 0

    @property
    def teacher(self) -> str:
        """Name of the teacher's method."""
        return next(iter(self.methods))

    def __len__(self) -> int:
        return len(self.methods) * len(self.seeds)

    def run_dir(self, method: str, seed: int) -> Path:
        """Where a run is kept."""
        return self.work_dir / method.replace(' ', '-') / f'seed{seed}'

    def checkpoint(self, method: str, seed: int) -> str:
        """The last checkpoint of a run, as its own ``last_checkpoint`` file names it."""
        return (self.run_dir(method, seed) / 'last_checkpoint').read_text().strip()

    def logged(self, method: str, seed: int, key: str = 'accuracy/top1') -> float:
        """The last value of a figure that a run's validation logged."""
        rows = [
            json.loads(line)
            for path in sorted(self.run_dir(method, seed).glob('*/vis_data/scalars.json'))
            for line in path.read_text().splitlines()
        ]
        return [row[key] for row in rows if key in row][-1]

    def options(self, method: str, seed: int) -> list[str]:
        """What a run overrides in its config, on the command line of tools/train.py."""
        settings = {'randomness.seed': seed}
        if method in self.distilled:
            settings['model.teacher_ckpt'] = self.checkpoint(self.teacher, seed)
        return [f'{key}={value}' for key, value in settings.items()]

    def fingerprint(self, method: str) -> str:
        """Of everything a result depends on: the config, what it may inherit, and the package."""
        digest = hashlib.sha256(self.methods[method].read_bytes())
        for folder in ('configs', 'mmnystrom'):
            for path in sorted((ROOT / folder).rglob('*.py')):
                if '.mim' not in path.parts:
                    digest.update(path.read_bytes())
        return digest.hexdigest()

    def train(self, method: str, seed: int) -> None:
        """One run, resumed if it was begun, skipped if it is finished.

        Raises:
            SystemExit: If it fails; with the end of its log.
        """
        directory = self.run_dir(method, seed)
        mark = directory / 'run.json'
        state = dict(fingerprint=self.fingerprint(method), finished=True)
        begun = json.loads(mark.read_text()) if mark.is_file() else {}
        if begun == state:
            self._say(f'{method}, seed {seed}: finished before, not repeated')
            return
        if begun.get('fingerprint') != state['fingerprint']:
            shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps({**state, 'finished': False}))
        command = [sys.executable, str(ROOT / 'tools' / 'train.py'), str(self.methods[method])]
        command += ['--work-dir', str(directory), '--resume', '--cfg-options']
        command += self.options(method, seed)
        log = directory / 'train.log'
        start = time.perf_counter()
        with log.open('a') as output:
            # One core a run: two runs side by side use two cores better than one run on both.
            result = subprocess.run(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, 'OMP_NUM_THREADS': '1'},
            )
        if result.returncode:
            end = log.read_text()[-3000:]
            raise SystemExit(f'{" ".join(command)}\nfailed; the end of {log}:\n{end}')
        mark.write_text(json.dumps(state))
        took = time.perf_counter() - start
        self._say(f'{method}, seed {seed}: top-1 {self.logged(method, seed):.2f} ({took:.0f} s)')

    def train_all(self) -> None:
        """Every run, teachers first; a distillation waits for the teacher of its seed."""
        self._done = 0

        def after_teacher(teacher: Future, method: str, seed: int) -> None:
            teacher.result()
            self.train(method, seed)

        with ThreadPoolExecutor(self.jobs) as pool:
            teachers = [pool.submit(self.train, self.teacher, seed) for seed in self.seeds]
            jobs = [
                pool.submit(after_teacher, teachers[seed], method, seed)
                for method in list(self.methods)[1:]
                for seed in self.seeds
            ]
            try:
                for job in teachers + jobs:
                    job.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _say(self, message: str) -> None:
        self._done += 1
        print(f'[{self._done:3}/{len(self)}] {message}', flush=True)


def markdown_table(lines: list[list[str]]) -> str:
    """A Markdown table, its columns aligned so that it reads well on a terminal too.

    Example:
        >>> print(markdown_table([['a', 'bb'], ['ccc', 'd']]))
        | a   | bb |
        |-----|----|
        | ccc | d  |
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        f'| {" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |'
        for line in lines
    ]
    rule = f'|{"|".join("-" * (width + 2) for width in widths)}|'
    return '\n'.join([rows[0], rule, *rows[1:]])
