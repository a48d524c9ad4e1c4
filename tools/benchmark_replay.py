"""What an iteration costs with a live teacher, a replayed one, mixed precision and channels_last."""

import argparse
from pathlib import Path

from mmnystrom.benchmark.cli import count, run_command
from mmnystrom.benchmark.replay_costs import PAIRS, VARIANTS, replay_costs


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('name', choices=list(PAIRS), help='teacher, student and data')
    parser.add_argument('--rounds', type=count, default=12, help='in which all take turns (default: 12)')
    parser.add_argument('--at-least', type=float, default=0.5, help='seconds of a turn (default: 0.5)')
    parser.add_argument('--out', type=Path, default=None, help='also write the figures as JSON')
    parser.add_argument('--compiled', action='store_true', help='rows with torch.compile instead')
    parser.add_argument('--methods', nargs='+', choices=list(VARIANTS), help='(default: of the pair)')
    return parser.parse_args()


if __name__ == '__main__':
    run_command(lambda: print(replay_costs(**vars(parse_args()))), interrupted='interrupted')
