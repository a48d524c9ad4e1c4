"""What the features of a suite's students are good for: nearest neighbours, and other data.

Takes the finished runs of tools/benchmark.py, with the options that it was given. Prints, for each
method, top-1, the accuracy of the nearest neighbours by pre-FC features, and that of a linear probe on
data that no network has seen; writes features.json beside the results of the benchmark.
"""

import argparse
from pathlib import Path

from mmnystrom.benchmark.cli import count, from_zero, run_command
from mmnystrom.benchmark.feature_quality import PROBE, write_quality
from mmnystrom.benchmark.options import Options


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('suite', help='as of tools/benchmark.py')
    parser.add_argument('--probe', type=Path, default=PROBE, help='config of the other data (Digits)')
    parser.add_argument('--processes', type=count, default=1, help='(default: 1)')
    parser.add_argument('--work-dir', type=Path)
    parser.add_argument('--seeds', type=count)
    parser.add_argument('--first-seed', type=from_zero, default=0)
    parser.add_argument('--methods', nargs='+', metavar='NAME')
    parser.add_argument('--against', nargs='+', metavar='NAME')
    parser.add_argument('--without-student', action='store_true')
    parser.add_argument('--teacher')
    parser.add_argument('--amp', action='store_true')
    parser.add_argument('--channels-last', action='store_true')
    parser.add_argument('--replay', type=from_zero, nargs='?', const=0)
    parser.add_argument('--tuned', metavar='RESULTS')
    parser.add_argument('--tuned-only', action='store_true')
    parser.add_argument('--cfg-options', nargs='+', default=[])
    return parser.parse_args()


def main():
    options = vars(parse_args())
    probe, processes = options.pop('probe'), options.pop('processes')
    print(write_quality(Options(**options), probe, processes))


if __name__ == '__main__':
    run_command(main)
