"""KDA beside every built-in method: same teacher, student, data and schedule, several seeds.

A suite (configs/benchmark/*.py, or a file of yours) names a teacher, a student, a pair and methods. The
teacher is trained once, or given; every method and seed is a run of tools/train.py. Finished runs are
never repeated: a benchmark that was killed goes on with the same command. Prints a table, and writes
results.md, results.json and two pictures below the work directory.
"""

import argparse
from pathlib import Path

from mmnystrom.benchmark.cli import count, exit_if_failed, from_zero, numbers, run_command
from mmnystrom.benchmark.compare import benchmark
from mmnystrom.benchmark.options import Options
from mmnystrom.benchmark.suites import known_suites


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('suite', help=f'{", ".join(known_suites())}, or the path of a suite file')
    parser.add_argument('--work-dir', type=Path, help='(default: work_dirs/benchmark/<suite>)')
    parser.add_argument('--seeds', type=count, help="seeds of each method (default: the suite's)")
    parser.add_argument('--first-seed', type=from_zero, default=0, help='the first of them (default: 0)')
    parser.add_argument('--methods', nargs='+', metavar='NAME', help='only these, of the suite')
    parser.add_argument('--against', nargs='+', metavar='NAME', help='not student alone, KD, but these')
    parser.add_argument('--without-student', action='store_true', help='no runs of the student alone')
    parser.add_argument('--teacher', help="a checkpoint, in the place of the suite's teacher")
    parser.add_argument('--jobs', type=count, help='runs at a time (default: one a GPU, at least 2)')
    parser.add_argument('--gpus', type=numbers, help='to spread the runs over, as 0,1,2 (default: all)')
    parser.add_argument('--ranks', type=count, help="processes, GPUs, of a run (default: the suite's)")
    parser.add_argument('--amp', action='store_true', help='mixed precision, as of tools/train.py')
    parser.add_argument('--channels-last', action='store_true', help='keep weights and images so')
    parser.add_argument('--replay', type=from_zero, nargs='?', const=0, help='teachers, of N views (all)')
    parser.add_argument('--max-gib', type=float, default=20, help='stored by one method (default: 20)')
    parser.add_argument('--tune', action='store_true', help='also every method with its weights tuned')
    parser.add_argument('--tuned', metavar='RESULTS', help='what it chose; --tune tries the others')
    parser.add_argument('--tuned-only', action='store_true', help="and no run with the papers' weights")
    parser.add_argument('--cfg-options', nargs='+', default=[], help='as of tools/train.py, for all runs')
    parser.add_argument('--rounds', type=from_zero, default=8, help='of the timing, or 0 (default: 8)')
    parser.add_argument('--report-only', action='store_true', help='train nothing; report what is there')
    parser.add_argument('--fresh', action='store_true', help='delete these runs and repeat them')
    stalled = "end a run without a sign of life for the suite's stall_minutes (default: report it)"
    parser.add_argument('--timeout', action='store_true', help=stalled)
    args = parser.parse_args()
    if args.fresh and args.report_only:
        parser.error('--fresh deletes runs and --report-only trains none: give one of the two')
    return args


def main():
    text, failed = benchmark(Options(**vars(parse_args())))
    print(text)
    exit_if_failed(failed)


if __name__ == '__main__':
    run_command(main)
