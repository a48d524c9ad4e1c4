"""One table of what features are good for, of students that were trained on several days or machines.

Takes the features.json of tools/analysis/feature_quality.py and writes the joined one. All methods of a
seed have one teacher. Of a run that two of them have it takes the first.
"""

import argparse
from pathlib import Path

from mmnystrom.benchmark.cli import run_command
from mmnystrom.benchmark.joined_features import join_features


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('files', nargs='+', type=Path, metavar='FEATURES.JSON')
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/joined/features.json'), help='(default: %(default)s)'
    )
    parser.add_argument(
        '--against', nargs='+', metavar='NAME', help='compare with these (default: student alone, KD)'
    )
    return parser.parse_args()


def main():
    args = parse_args()
    print(join_features(args.files, args.out, args.against))


if __name__ == '__main__':
    run_command(main, interrupted='interrupted')
