"""The main job on data that needs no download: a teacher, and students distilled from it.

Trains through tools/train.py, as a user would, three seeds of each method on two processes; prints a
table, and writes it with a picture below --work-dir. A demo that was killed is started again and goes
on where it stopped; runs that are finished, from the same configs, are not repeated.
"""

from __future__ import annotations

import argparse
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
PAIR = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'
KDA = 'distill/mmpretrain/kda'
#: name -> config; the first is the teacher, the second the student that has none.
METHODS = {
    'teacher': 'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py',
    'student alone': 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py',
    'KD': f'distill/mmpretrain/kd/kd_logits_{PAIR}.py',
    'KDA pre-FC': f'{KDA}/kda_neck_{PAIR}.py',
    'KDA post-FC': f'{KDA}/kda_logits_{PAIR}.py',
    'KDA both': f'{KDA}/kda_neck-logits_{PAIR}.py',
}


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'))
    parser.add_argument('--seeds', type=int, default=3, help='seeds of each method (default: 3)')
    parser.add_argument('--jobs', type=int, default=2, help='runs at a time (default: 2)')
    parser.add_argument('--fresh', action='store_true', help='repeat runs that are finished')
    args = parser.parse_args()
    if args.seeds < 1 or args.jobs < 1:
        parser.error(f'--seeds={args.seeds} and --jobs={args.jobs} must be at least 1')
    return args


def distills(method):
    return METHODS[method].startswith('distill')


def run_dir(args, method, seed):
    return args.work_dir / method.replace(' ', '-') / f'seed{seed}'


def checkpoint(args, method, seed):
    """The last checkpoint of a run, as its own ``last_checkpoint`` file names it."""
    return (run_dir(args, method, seed) / 'last_checkpoint').read_text().strip()


def options(args, method, seed):
    """What a run overrides in its config, on the command line of tools/train.py."""
    settings = {'randomness.seed': seed}
    if distills(method):
        settings['model.teacher_ckpt'] = checkpoint(args, 'teacher', seed)
    return [f'{key}={value}' for key, value in settings.items()]


def fingerprint():
    """Of everything a result depends on: the configs and the package."""
    digest = hashlib.sha256()
    for folder, pattern in (('configs', '*.py'), ('mmnystrom', '*.py')):
        for path in sorted((ROOT / folder).rglob(pattern)):
            if '.mim' not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def train(args, method, seed, print_):
    """One run of tools/train.py, resumed if it was begun, skipped if it is finished."""
    directory = run_dir(args, method, seed)
    mark = directory / 'run.json'
    state = dict(fingerprint=fingerprint(), finished=True)
    begun = json.loads(mark.read_text()) if mark.is_file() else {}
    if begun == state:
        print_(f'{method}, seed {seed}: finished before, not repeated')
        return
    if begun.get('fingerprint') != state['fingerprint']:
        shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps({**state, 'finished': False}))
    command = [sys.executable, str(ROOT / 'tools' / 'train.py'), str(CONFIGS / METHODS[method])]
    command += ['--work-dir', str(directory), '--resume', '--cfg-options']
    command += options(args, method, seed)
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
        raise SystemExit(f'{" ".join(command)}\nfailed; the end of {log}:\n{log.read_text()[-3000:]}')
    mark.write_text(json.dumps(state))
    took = time.perf_counter() - start
    print_(f'{method}, seed {seed}: top-1 {logged_accuracy(args, method, seed):.2f} ({took:.0f} s)')


def train_all(args):
    """Every run, teachers first; a distillation waits for the teacher of its seed."""
    total, done = len(METHODS) * args.seeds, []

    def print_(message):
        done.append(message)
        print(f'[{len(done):2}/{total}] {message}', flush=True)

    def after_teacher(teacher: Future, *job):
        teacher.result()
        train(args, *job, print_)

    with ThreadPoolExecutor(args.jobs) as pool:
        seeds = range(args.seeds)
        teachers = [pool.submit(train, args, 'teacher', seed, print_) for seed in seeds]
        jobs = [
            pool.submit(after_teacher, teachers[seed], method, seed)
            for method in list(METHODS)[1:]
            for seed in seeds
        ]
        try:
            for job in teachers + jobs:
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def logged_accuracy(args, method, seed):
    """Top-1 that mmrazor's (or mmpretrain's) validation logged last, in percent."""
    rows = [
        json.loads(line)
        for path in sorted(run_dir(args, method, seed).glob('*/vis_data/scalars.json'))
        for line in path.read_text().splitlines()
    ]
    return [row['accuracy/top1'] for row in rows if 'accuracy/top1' in row][-1]


def main():
    args = parse_args()
    if args.fresh:
        shutil.rmtree(args.work_dir, ignore_errors=True)
    args.work_dir.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    import mmnystrom  # noqa: F401  (says what it cured before the runs are listed)

    print(f'{len(METHODS) * args.seeds} runs of tools/train.py, {args.jobs} at a time:', flush=True)
    train_all(args)
    import demo_report

    configs = {method: CONFIGS / METHODS[method] for method in METHODS}
    checkpoints = {
        method: [checkpoint(args, method, seed) for seed in range(args.seeds)] for method in METHODS
    }
    logged = {
        method: [logged_accuracy(args, method, seed) for seed in range(args.seeds)] for method in METHODS
    }
    text = demo_report.write(args.work_dir, configs, checkpoints, logged)
    print(f'\nDigits, {args.seeds} seeds (mean ± std), {time.perf_counter() - start:.0f} s:\n\n{text}\n')
    print(
        "transfer: ||K_S - K_T||_F / ||K_T||_F on the test split, 0 is the teacher's kernel itself.\n"
        f'Picture: {args.work_dir / "gram.png"}; figures: {args.work_dir / "results.json"}'
    )


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('interrupted; the same command goes on from here')
