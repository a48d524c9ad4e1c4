"""KDA beside every built-in method: same teacher, student, data and schedule, several seeds.

A suite (configs/benchmark/*.py, or a file of yours) names a teacher, a student, a pair and methods.
The teacher is trained once, or given; every method and seed is a run of tools/train.py. What is finished
is never repeated: a benchmark that was killed goes on with the same command. Prints a table and writes
results.md, results.json and two pictures below the work directory.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from mmengine.config import Config
from progress import duration
from runs import CONFIGS, TEACHER, Method, Runs

SUITES = CONFIGS / 'benchmark'
STUDENT = 'student alone'


def parse_args(argv=None):
    known = sorted(path.stem for path in SUITES.glob('*.py'))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('suite', help=f'{", ".join(known)}, or the path of a suite file')
    parser.add_argument('--work-dir', type=Path, help='(default: work_dirs/benchmark/<suite>)')
    parser.add_argument('--seeds', type=int, help="seeds of each method (default: the suite's)")
    parser.add_argument('--methods', nargs='+', metavar='NAME', help='only these, of the suite')
    parser.add_argument('--teacher', help="a checkpoint, in the place of the suite's teacher")
    parser.add_argument('--jobs', type=int, help='runs at a time (default: one a GPU, at least 2)')
    parser.add_argument('--gpus', help='GPUs to spread the runs over, as 0,1,2 (default: all there are)')
    parser.add_argument('--ranks', type=int, help="processes and GPUs of one run (default: the suite's)")
    parser.add_argument('--amp', action='store_true', help='mixed precision, as of tools/train.py')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], help='as of tools/train.py, for every run'
    )
    parser.add_argument('--rounds', type=int, default=8, help='of the timing; 0: without (default: 8)')
    parser.add_argument('--report-only', action='store_true', help='train nothing; report what is there')
    parser.add_argument('--fresh', action='store_true', help='delete these runs and repeat them')
    parser.add_argument(
        '--timeout',
        action='store_true',
        help="end a run without a sign of life for the suite's stall_minutes (default: report it only)",
    )
    args = parser.parse_args(argv)
    if args.fresh and args.report_only:
        parser.error('--fresh deletes runs and --report-only trains none: give one of the two')
    args.file = SUITES / f'{args.suite}.py' if args.suite in known else Path(args.suite)
    if not args.file.is_file():
        parser.error(f'suite={args.suite!r} is neither one of {", ".join(known)} nor a file')
    for name in ('seeds', 'jobs', 'ranks'):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f'--{name}={getattr(args, name)} must be at least 1')
    args.work_dir = args.work_dir or Path('work_dirs/benchmark') / args.file.stem
    return args


def find_config(name: str, suite: Path) -> Path:
    """A config by its path below configs/, or below the folder of the suite.

    Raises:
        SystemExit: If there is none.
    """
    for folder in (suite.parent, CONFIGS):
        if (folder / name).is_file():
            return (folder / name).resolve()
    raise SystemExit(f'{suite}: {name} is neither below {suite.parent} nor below {CONFIGS}.')


def suite_methods(cfg: Config, file: Path, chosen: list[str] | None = None) -> dict[str, Method]:
    """What a suite trains, by name, without its teacher.

    A method is the beginning of a config's name, which ``pair`` completes, a list of two of them,
    of which ``first_stage`` completes the first, or the whole path of a config.

    Raises:
        SystemExit: If a method is asked for that the suite does not have, or a config is missing.
    """

    def config(beginning: str, key: str) -> Path:
        if beginning.endswith('.py'):
            return find_config(beginning, file)
        if key not in cfg:
            raise SystemExit(
                f'{file}: {beginning!r} is the beginning of a name: set {key}, or end it in .py.'
            )
        return find_config(f'distill/mmpretrain/{beginning}_{cfg[key]}.py', file)

    _check_suite(cfg, file)
    listed = {name: method for name, method in cfg.methods.items() if method is not None}
    unknown = set(chosen or ()) - set(listed) - {STUDENT}
    if unknown:
        raise SystemExit(
            f'--methods: {", ".join(sorted(unknown))} is not in {file}, which has {", ".join(listed)}.'
        )
    found = {STUDENT: Method(find_config(cfg.student, file))}
    for name, method in listed.items():
        if chosen and name not in chosen:
            continue
        *first, last = [method] if isinstance(method, str) else method
        if first:
            found[f'{name} first stage'] = Method(config(first[0], 'first_stage'), distilled=True)
        found[name] = Method(
            config(last, 'pair'), distilled=True, first=f'{name} first stage' if first else None
        )
    return found


def _check_suite(cfg: Config, file: Path) -> None:
    wanted = dict(title=str, teacher=str, student=str, methods=dict)
    for key, kind in wanted.items():
        if not isinstance(cfg.get(key), kind):
            raise SystemExit(
                f'{file}: {key}={cfg.get(key)!r} must be a {kind.__name__}: a suite has '
                f'{", ".join(wanted)}. configs/benchmark/README.md shows one.'
            )
    for name, method in cfg.methods.items():
        several = isinstance(method, (list, tuple)) and len(method) == 2
        if method is not None and not isinstance(method, str) and not several:
            raise SystemExit(
                f"{file}: methods[{name!r}] = {method!r} must be the beginning of a config's name, two "
                'of them, the path of a config, or None to leave the method out.'
            )
    minutes = cfg.get('stall_minutes', 30)
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not minutes > 0:
        raise SystemExit(f'{file}: stall_minutes={minutes!r} must be a number > 0.')


def build_runs(args, cfg: Config) -> Runs:
    """The runs of a suite."""
    methods = suite_methods(cfg, args.file, args.methods)
    teacher = args.teacher or (None if cfg.teacher.endswith('.py') else cfg.teacher)
    if teacher is None:
        methods = {TEACHER: Method(find_config(cfg.teacher, args.file), seeds=1), **methods}
    elif not teacher.startswith('http'):
        if not Path(teacher).is_file():
            raise SystemExit(f'--teacher={teacher} does not exist.')
        teacher = str(Path(teacher).resolve())
    if args.gpus is not None:
        gpus = [int(gpu) for gpu in args.gpus.split(',')]
    else:
        import torch

        gpus = list(range(torch.cuda.device_count()))
    ranks = args.ranks or cfg.get('ranks', 1)
    arguments = ['--amp'] if args.amp else []
    if ranks != cfg.get('ranks', 1):
        arguments.append('--auto-scale-lr')
    seeds = args.seeds or cfg.get('seeds', 3)
    options = args.cfg_options
    jobs = args.jobs or max(2, len(gpus))
    watch = dict(stall_minutes=cfg.get('stall_minutes', 30), timeout=args.timeout)
    try:
        return Runs(
            args.work_dir, methods, seeds, jobs, teacher, gpus, ranks, arguments, options, **watch
        )
    except ValueError as error:
        raise SystemExit(f'{args.file}: {error}') from error


def main():
    args = parse_args()
    import mmnystrom  # noqa: F401  (says what it cured before the runs are listed)

    cfg = Config.fromfile(args.file)
    runs = build_runs(args, cfg)
    runs.check_options()
    start = time.perf_counter()
    if not args.report_only:
        print(f'{cfg.title}: {len(runs)} runs, {len(runs.slots)} at a time:', flush=True)
        runs.train_all(strict=False, fresh=args.fresh)
    import benchmark_report

    text = benchmark_report.write(runs, cfg.title, args.rounds)
    took = duration(time.perf_counter() - start)
    print(f'\n{text}\n\nFigures and pictures: {args.work_dir}; {took}')
    if runs.failed:
        failed = '\n\n'.join(runs.failed.values())
        sys.exit(
            f'\n{len(runs.failed)} of {len(runs)} runs failed; the same command tries again:\n{failed}'
        )


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('interrupted; the same command goes on from here')
