"""KDA's choices side by side on Digits: forms, kernels and landmark strategies.

One choice is changed at a time from the config of the demo (pre-FC, class centres, linear kernel,
partial rows), each with partial and with Nystrom rows. Beside them stand KDA's default and the methods
that compare kernels of a batch, or logits, as the zoo has them. Everything goes through tools/train.py;
a table that was killed goes on where it stopped. Prints a Markdown table, and writes it below --work-dir.
A run that diverges is reported as failed, and left out of the table.
"""

import argparse
from pathlib import Path

from mmnystrom.benchmark.choices import choices_table
from mmnystrom.benchmark.cli import count, exit_if_failed, run_command


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/digits_table'))
    parser.add_argument('--seeds', type=count, default=3, help='seeds of each variant (default: 3)')
    parser.add_argument('--jobs', type=count, default=2, help='runs at a time (default: 2)')
    return parser.parse_args()


def main():
    text, failed = choices_table(**vars(parse_args()))
    print(text)
    exit_if_failed(failed)


if __name__ == '__main__':
    run_command(main)
