"""What it costs to have a batch of CIFAR ready: at once or image by image, in processes or without."""

import argparse
from pathlib import Path

from mmnystrom.benchmark.cli import count, run_command
from mmnystrom.benchmark.loading import loading_costs


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='of CIFAR-10 or CIFAR-100, with the images in its data_root')
    parser.add_argument('--rounds', type=count, default=6, help='in which all take turns (default: 6)')
    parser.add_argument('--at-least', type=float, default=2, help='seconds of a turn (default: 2)')
    parser.add_argument('--out', type=Path, default=None, help='also write the figures as JSON')
    return parser.parse_args()


if __name__ == '__main__':
    run_command(lambda: print(loading_costs(**vars(parse_args()))), interrupted='interrupted')
