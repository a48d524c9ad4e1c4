"""Can KDA hurt? Small students of several architectures, data sets and batch sizes, by several losses.

Every run is a real one: mmengine's Runner, the data pipeline, KDALoss and LandmarkHook. Each figure is in
results.json below --work-dir as soon as it is there; the same command goes on where it was stopped.

    python tools/analysis/can_it_hurt.py choose     # which form: every candidate on two pairs
    python tools/analysis/can_it_hurt.py weights    # the weights of the centred forms, 0.1 to 30
    python tools/analysis/can_it_hurt.py table      # the centred loss: pairs, data sets, batches, scales
    python tools/analysis/can_it_hurt.py stronger   # the centred loss at weight 10, on the same
    python tools/analysis/can_it_hurt.py correlated # the correlated loss at weight 10, on the same
    python tools/analysis/can_it_hurt.py tutorial   # configs/tutorial on 12 classes of 120 images
"""

import argparse
from pathlib import Path

from mmnystrom.benchmark.can_it_hurt.plan import PARTS, can_it_hurt
from mmnystrom.benchmark.cli import count, run_command


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('part', choices=[*PARTS, 'tutorial'])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/can_it_hurt'))
    parser.add_argument('--seeds', type=count, default=3, help='seeds of each row (default: 3)')
    parser.add_argument('--jobs', type=count, default=2, help='runs at a time (default: 2)')
    return parser.parse_args()


if __name__ == '__main__':
    run_command(lambda: print(can_it_hurt(**vars(parse_args()))))
