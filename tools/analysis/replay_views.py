"""Accuracy against the number of replayed views: 1, 2, 5, 10, as many as epochs.

KDA pre-FC with KD, on Digits (five seeds, images shifted by up to a pixel) or on 20 classes of CIFAR-100
(three seeds). Beside it a store in float16, and training in bfloat16. Everything goes through
tools/train.py; a table that was killed goes on where it stopped. Prints a Markdown table, and writes
results.json below --work-dir. A run that fails is named, and left out of the table.
"""

import argparse
from pathlib import Path

from mmnystrom.benchmark.cli import count, exit_if_failed, run_command
from mmnystrom.benchmark.view_counts import SETTINGS, views_table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('setting', choices=list(SETTINGS))
    parser.add_argument('--work-dir', type=Path, help='(default: work_dirs/replay_views/<setting>)')
    parser.add_argument('--seeds', type=count, help='of each row (default: five, of CIFAR three)')
    parser.add_argument('--jobs', type=count, default=2, help='runs at a time (default: 2)')
    args = parser.parse_args()
    work_dir = args.work_dir or Path('work_dirs/replay_views') / args.setting
    text, failed = views_table(args.setting, work_dir, args.seeds, args.jobs)
    print(text)
    exit_if_failed(failed)


if __name__ == '__main__':
    run_command(main)
