"""What a batch tells of the CKA of a whole data set: its own CKA, and that against landmarks.

The features are those of two teachers of tools/analysis/can_it_hurt.py (train them first) over all
their training images. For batches of 32 to 256 images it prints mean and standard deviation of every
estimate beside the true value, and draws them.
"""

import argparse
from pathlib import Path

from mmnystrom.benchmark.can_it_hurt.cka_estimates import write_cka_estimates
from mmnystrom.benchmark.cli import count, run_command


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/can_it_hurt'))
    parser.add_argument('--repeats', type=count, default=200, help='batches of each size (default: 200)')
    return parser.parse_args()


if __name__ == '__main__':
    run_command(lambda: print(write_cka_estimates(**vars(parse_args()))), interrupted='interrupted')
