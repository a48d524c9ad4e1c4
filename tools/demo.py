"""The main job on data that needs no download: a teacher, and students distilled from it.

Trains through tools/train.py, as a user would, three seeds of each method on two processes. Prints a
table, and writes it with a picture below --work-dir. A demo that was killed goes on where it stopped
when it is started again. Finished runs of the same configs are not repeated. A run that fails is
named, and the others are reported.
"""

import argparse
from pathlib import Path

from mmnystrom.benchmark.cli import count, exit_if_failed, run_command
from mmnystrom.benchmark.demo import demo


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'))
    parser.add_argument('--seeds', type=count, default=3, help='seeds of each method (default: 3)')
    parser.add_argument('--jobs', type=count, default=2, help='runs at a time (default: 2)')
    parser.add_argument('--fresh', action='store_true', help='repeat runs that are finished')
    return parser.parse_args()


def main():
    text, failed = demo(**vars(parse_args()))
    print(text)
    exit_if_failed(failed)


if __name__ == '__main__':
    run_command(main)
