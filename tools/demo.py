"""The main job on data that needs no download: a teacher, and students distilled from it.

Trains through tools/train.py, as a user would, three seeds of each method on two processes; prints a
table, and writes it with a picture below --work-dir. A demo that was killed is started again and goes
on where it stopped; runs that are finished, from the same configs, are not repeated.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from runs import CONFIGS, Method, Runs

PAIR = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'
KDA = 'distill/mmpretrain/kda'
#: name -> config; the second is the student that has no teacher.
METHODS = {
    'teacher': 'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py',
    'student alone': 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py',
    'KD': f'distill/mmpretrain/kd/kd_logits_{PAIR}.py',
    'KDA as published': f'{KDA}/kda_published_neck_{PAIR}.py',
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


def demo_runs(work_dir: Path, seeds: int, jobs: int) -> Runs:
    """The runs of the demo."""
    methods = {
        name: Method(CONFIGS / config, distilled=config.startswith('distill'))
        for name, config in METHODS.items()
    }
    return Runs(work_dir, methods, seeds, jobs)


def main():
    args = parse_args()
    start = time.perf_counter()
    import mmnystrom  # noqa: F401  (says what it cured before the runs are listed)

    runs = demo_runs(args.work_dir, args.seeds, args.jobs)
    print(f'{len(runs)} runs of tools/train.py, {args.jobs} at a time:', flush=True)
    runs.train_all(fresh=args.fresh)
    import demo_report

    text = demo_report.write(runs)
    print(f'\nDigits, {args.seeds} seeds (mean ± std), {time.perf_counter() - start:.0f} s:\n\n{text}\n')
    print(
        "transfer: ||K_S - K_T||_F / ||K_T||_F on the test split, 0 is the teacher's kernel itself; cka: "
        'the cosine of the centred kernels, 1 where they differ in scale at most.\n'
        f'Picture: {args.work_dir / "gram.png"}; figures: {args.work_dir / "results.json"}'
    )


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('interrupted; the same command goes on from here')
