"""Fill the store of a replayed teacher ahead of training; list or prune stores.

    python tools/replay.py CONFIG... [--views 10 --batch-size 512]   # goes on where it was stopped
    python tools/replay.py --list
    python tools/replay.py CONFIG... --prune                         # keeps the stores of these configs

The hook's arguments are those of CONFIG, if it has a TeacherReplayHook, or its defaults.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config, DictAction

from mmnystrom.plugin.replay.errors import ReplayError
from mmnystrom.plugin.replay.fill import fill, inventory, prune_others, replay_config


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='*', help='distillation configs')
    parser.add_argument('--store', help="(default: the config's, or work_dirs/replay)")
    parser.add_argument('--views', type=int, help='views of an image (default: one an epoch)')
    parser.add_argument('--dtype', help='float32, float16 or bfloat16')
    parser.add_argument('--max-gib', type=float, help='largest size (default: 20)')
    parser.add_argument('--batch-size', type=int, help='images at a time (default: as in training)')
    parser.add_argument('--amp', action='store_true', help='as training with --amp will compute')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='as of train.py')
    parser.add_argument('--list', action='store_true', help='say what the store holds')
    parser.add_argument('--prune', action='store_true', help='remove what is not of these configs')
    args = parser.parse_args()
    return args if args.configs or args.list else parser.error('give a config, or --list')


def read(args, path):
    cfg = Config.fromfile(path)
    cfg.merge_from_dict({'work_dir': 'work_dirs/replay_fill', **args.cfg_options})
    if args.amp:
        cfg.merge_from_dict({'optim_wrapper.type': 'AmpOptimWrapper'})
    return replay_config(cfg, store=args.store, views=args.views, dtype=args.dtype, max_gib=args.max_gib)


def main():
    args = parse_args()
    cfgs = [read(args, path) for path in args.configs]
    if args.prune:
        print(prune_others(cfgs))
    elif not args.list:
        print('\n'.join(fill(cfg, args.batch_size) for cfg in cfgs))
    if args.list:
        print(*inventory(Path(args.store or 'work_dirs/replay')), sep='\n')


if __name__ == '__main__':
    try:
        main()
    except ReplayError as error:
        sys.exit(str(error))
