"""One report of a suite that was trained on several machines, or on several days.

Takes the results.json of tools/benchmark.py, each with other seeds (--first-seed), or with other methods
of the same teacher (--teacher), and writes a table, results.json and the pictures below --out. All
methods of a seed have learnt from one teacher: a difference between two teachers is none of methods.
"""

import argparse
from pathlib import Path

from mmnystrom.benchmark.cli import run_command
from mmnystrom.benchmark.joined import join_reports


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('reports', nargs='+', type=Path, metavar='RESULTS.JSON')
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/joined'), help='(default: %(default)s)'
    )
    parser.add_argument(
        '--against', nargs='+', metavar='NAME', help='compare with these (default: student alone, KD)'
    )
    parser.add_argument('--leave-out', nargs='+', default=[], metavar='NAME', help='rows not to take')
    parser.add_argument(
        '--same-teacher', action='store_true', help='reports older than teacher_weights have one teacher'
    )
    return parser.parse_args()


def main():
    args = parse_args()
    print(join_reports(args.reports, args.out, args.against, args.leave_out, args.same_teacher))


if __name__ == '__main__':
    run_command(main, interrupted='interrupted')
