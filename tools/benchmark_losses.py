"""What KDA costs: its losses beside mmrazor's and the bare matrix products, its hook beside an epoch."""

import argparse
from pathlib import Path

import torch

from mmnystrom.benchmark.cli import count, from_zero, run_command
from mmnystrom.benchmark.loss_costs import loss_costs


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--rounds', type=count, default=40, help='rounds of the first table (default: 40)'
    )
    parser.add_argument(
        '--epoch-rounds', type=from_zero, default=3, help='of the second; 0: without (default: 3)'
    )
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--threads', type=count, help="CPU threads (default: torch's own)")
    parser.add_argument('--out', type=Path, default=None, help='also write the figures as JSON')
    parser.add_argument('--before', type=Path, help='another checkout, to compare the losses with')
    return parser.parse_args()


if __name__ == '__main__':
    run_command(lambda: print(loss_costs(**vars(parse_args()))), interrupted='interrupted')
