"""How much of the teacher's kernel matrix a finished run brought over, in figures and pictures.

Runs the student and the teacher of every checkpoint over images of the config's validation (or
training) data, takes the features of every KDALoss after its connectors, and writes below --out:
report.md and report.json, and for each loss four pictures: the Gram matrices by class, the eigenvalues,
the Nystrom error against the number of landmarks for every strategy, and kernel transfer over the
epochs (of the checkpoints given, and of what KernelMonitorHook logged beside them).
"""

import argparse
from pathlib import Path

import torch
from mmengine.config import DictAction

from mmnystrom.benchmark.choices import KERNELS
from mmnystrom.benchmark.cli import count, run_command
from mmnystrom.benchmark.kernel_report import Curves, write_kernel_report


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', type=Path)
    parser.add_argument('checkpoints', nargs='+', type=Path, metavar='CHECKPOINT')
    parser.add_argument('--out', type=Path, help='(default: work_dirs/kernel_report/<config>)')
    parser.add_argument('--split', choices=('val', 'train', 'test'), default='val')
    parser.add_argument(
        '--samples', type=count, default=2000, help='images, spread evenly (default: 2000)'
    )
    parser.add_argument('--landmarks', type=count, nargs='+', default=Curves.landmarks)
    parser.add_argument('--kernels', nargs='+', choices=KERNELS, default=Curves.kernels)
    parser.add_argument('--seeds', type=count, default=3, help='draws of each strategy (default: 3)')
    parser.add_argument('--tile', type=count, default=1024)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    args = parser.parse_args()
    for path in (args.config, *args.checkpoints):
        if not path.is_file():
            parser.error(f'{path} does not exist')
    args.out = args.out or Path('work_dirs/kernel_report') / args.config.stem
    return args


def main():
    args = parse_args()
    curves = Curves(args.landmarks, args.kernels, args.seeds, args.tile)
    files = args.config, args.checkpoints, args.out
    measured = args.split, args.samples, curves, args.device, args.cfg_options
    text, _ = write_kernel_report(*files, *measured)
    print(f'{text}\n\nPictures and figures: {args.out}')


if __name__ == '__main__':
    run_command(main, interrupted='interrupted')
