"""The student of a distillation, by itself: a checkpoint and a config that stock mmpretrain loads.

Reads the config out of the checkpoint. Writes student.pth and student.py, and if asked student.onnx,
student.torchscript.pt and student.pt2 (torch.export). Each is compared with the original on real images
before it counts as done.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

from mmnystrom.export import FORMS, ExportError, export_student


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', type=Path, help='of a distillation, by tools/train.py')
    parser.add_argument(
        '--config', type=Path, help='(default: the one in the checkpoint, which is read as data, not run)'
    )
    parser.add_argument(
        '--allow-import',
        nargs='+',
        default=[],
        metavar='MODULE',
        help='modules that the config in the checkpoint may import, beside those of OpenMMLab and ours',
    )
    parser.add_argument('--out', type=Path, help="(default: the checkpoint's folder, /student)")
    parser.add_argument('--onnx', action='store_true', help='also write student.onnx')
    parser.add_argument('--torchscript', action='store_true', help='also write student.torchscript.pt')
    parser.add_argument('--torch-export', action='store_true', help='also write student.pt2')
    parser.add_argument(
        '--images', type=int, default=256, help='test images to compare on (default: 256)'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}, help='as of tools/test.py'
    )
    args = parser.parse_args()
    for path in (args.checkpoint, args.config):
        if path is not None and not path.is_file():
            parser.error(f'{path} does not exist')
    if args.images < 1:
        parser.error(f'--images={args.images} must be at least 1')
    return args


if __name__ == '__main__':
    args = parse_args()
    forms = [form for form in FORMS if getattr(args, form)]
    where = dict(out=args.out, config=args.config, forms=forms, images=args.images)
    trust = dict(allow_import=args.allow_import, options=args.cfg_options)
    try:
        print('\n'.join(export_student(args.checkpoint, **where, **trust)))
    except ExportError as error:
        sys.exit(str(error))
