"""The student of a distillation, by itself: a checkpoint and a config that stock mmpretrain loads.

Reads the config out of the checkpoint. Writes student.pth and student.py, and if asked student.onnx,
student.torchscript.pt and student.pt2 (torch.export), each compared with the original on real images
before it is called done.
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import mmnystrom  # noqa: F401  (mmrazor can be imported only after it)

# isort: split
import torch
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.runner.checkpoint import _load_checkpoint
from mmpretrain import get_model
from mmpretrain.registry import DATASETS, MODELS, TRANSFORMS
from mmrazor.registry import MODELS as RAZOR_MODELS
from torch import Tensor, nn

from mmnystrom.plugin.sent_config import (
    UntrustedConfigError,
    check_sent_parts,
    read_sent_config,
)

#: What an export may differ by, in logits: other kernels add up in another order.
TOLERANCE = 1e-3
NEEDED_FOR_ONNX = ('onnx', 'onnxruntime')


def parse_args(argv=None):
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
    args = parser.parse_args(argv)
    for path in (args.checkpoint, args.config):
        if path is not None and not path.is_file():
            parser.error(f'{path} does not exist')
    if args.images < 1:
        parser.error(f'--images={args.images} must be at least 1')
    missing = [name for name in NEEDED_FOR_ONNX if args.onnx and importlib.util.find_spec(name) is None]
    if missing:
        parser.error(f'--onnx needs {" and ".join(missing)}: pip install onnx onnxruntime onnxscript')
    if args.torch_export and not hasattr(torch, 'export'):
        parser.error(f'--torch-export needs torch 2.1 or newer, this is {torch.__version__}')
    args.out = args.out or args.checkpoint.parent / 'student'
    return args


def read(args) -> tuple[dict, Config]:
    """The checkpoint, and the config of its run.

    Raises:
        SystemExit: If it is not of a distillation, or holds no config, or one that is not data.
    """
    try:
        checkpoint = _load_checkpoint(str(args.checkpoint), map_location='cpu')
    except RuntimeError as error:  # those of the bridge name the file and what to do
        raise SystemExit(str(error)) from error
    _check_layout(args.checkpoint, checkpoint)
    source = str(args.config or args.checkpoint)
    if args.config:
        cfg = Config.fromfile(args.config)
    else:
        text = checkpoint['meta'].get('cfg')
        if not isinstance(text, str) or not text.strip():
            raise SystemExit(f'{args.checkpoint} holds no config: give --config CONFIG.py.')
        cfg = _refused_in_a_sentence(read_sent_config, text, source, args.allow_import)
    cfg.merge_from_dict(args.cfg_options)
    _check_dict(cfg, 'model', source)
    if not isinstance(cfg.model.get('architecture'), ConfigDict) or not any(
        key.startswith('architecture.') for key in checkpoint['state_dict']
    ):
        raise SystemExit(
            f'{args.checkpoint} is not of a distillation: its model is {cfg.model.get("type")!r} and it '
            'has no weights of an "architecture". A checkpoint of a student by itself needs no export.'
        )
    _check_dict(cfg, 'test_dataloader', source)
    if not isinstance(cfg.get('test_evaluator'), list):  # of several metrics
        _check_dict(cfg, 'test_evaluator', source)
    if not args.config:
        # The evaluator is not built here, but whoever tests the exported student builds it.
        keys = ('default_scope', 'data_preprocessor', 'test_dataloader', 'test_evaluator')
        parts = {key: cfg.get(key) for key in keys}
        model = {key: cfg.model.get(key) for key in ('architecture', 'data_preprocessor', '_scope_')}
        _refused_in_a_sentence(check_sent_parts, dict(model=model, **parts), source, args.allow_import)
    return checkpoint, cfg


def _check_dict(cfg: Config, key: str, source: str) -> None:
    if not isinstance(cfg.get(key), ConfigDict):
        raise SystemExit(
            f'the config of {source} has {key}={cfg.get(key)!r}, and the export needs a dict there: give '
            'the config of the run by --config CONFIG.py.'
        )


def _refused_in_a_sentence(check: Callable, *args):
    try:
        return check(*args)
    except UntrustedConfigError as error:
        raise SystemExit(str(error)) from error


def _check_layout(file: Path, checkpoint) -> None:
    """Refuse what no tool of mmengine's has written.

    Raises:
        SystemExit: If a part has another type; with the part and what to do.
    """
    state = checkpoint.get('state_dict') if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict) or not all(torch.is_tensor(value) for value in state.values()):
        raise SystemExit(
            f"{file} holds no 'state_dict' of tensors: give a checkpoint of a distillation, as "
            'tools/train.py writes it (epoch_*.pth).'
        )
    if checkpoint.get('meta') is None:
        checkpoint['meta'] = {}
    meta = checkpoint['meta']
    found = meta.get('dataset_meta') if isinstance(meta, dict) else None
    for name, part in (('meta', meta), ('meta.dataset_meta', found)):
        if part is not None and not isinstance(part, dict):
            raise SystemExit(
                f'{file} holds {name} of type {type(part).__name__}, where mmengine writes a dict: it '
                'was changed, or written by something else. Give a checkpoint of tools/train.py.'
            )


def student_weights(checkpoint: dict) -> dict[str, Tensor]:
    """The weights of the student, under their own names."""
    prefix = 'architecture.'
    state = checkpoint['state_dict']
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}


def plain_types(cfg):
    """A config without scopes: what mmpretrain finds by itself is named so, the rest keeps its scope."""
    if isinstance(cfg, dict):
        found = {key: plain_types(value) for key, value in cfg.items() if key != '_scope_'}
        scope = {'mmcls': 'mmpretrain'}.get(cfg.get('_scope_'), cfg.get('_scope_'))
        name = found.get('type')
        if isinstance(name, str):
            given, _, name = name.rpartition('.')
            given = {'mmcls': 'mmpretrain', '': scope}.get(given, given)
            found['type'] = name if given in (None, 'mmpretrain') else f'{given}.{name}'
        return found
    if isinstance(cfg, (list, tuple)):
        return type(cfg)(plain_types(value) for value in cfg)
    return cfg


def types_of(cfg) -> Iterator[str]:
    """Every type that a config names."""
    if isinstance(cfg, dict):
        if isinstance(cfg.get('type'), str):
            yield cfg['type']
        for value in cfg.values():
            yield from types_of(value)
    elif isinstance(cfg, (list, tuple)):
        for value in cfg:
            yield from types_of(value)


def is_stock(name: str) -> bool:
    """Whether mmpretrain knows a type without mmnystrom."""
    for registry in (MODELS, DATASETS, TRANSFORMS):
        found = registry.get(name)
        if found is not None:
            return not found.__module__.startswith(('mmnystrom', 'mmrazor'))
    return True


def student_config(cfg: Config) -> Config:
    """A config of mmpretrain's with the student and the test data of a distillation."""
    student = cfg.model.architecture
    if 'cfg_path' in student:
        from mmengine.hub import get_config

        more = {key: value for key, value in student.items() if key not in ('cfg_path', 'pretrained')}
        student = get_config(student['cfg_path']).model
        student.update(more)
    student = plain_types(student.to_dict() if hasattr(student, 'to_dict') else student)
    student.pop('init_cfg', None)
    preprocessor = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    preprocessor = plain_types(Config(dict(x=preprocessor)).x.to_dict())
    if preprocessor.get('type', '').endswith('ImgDataPreprocessor'):  # mmengine's, of mmrazor's configs
        preprocessor['to_rgb'] = preprocessor.pop('bgr_to_rgb', False)
        preprocessor['type'] = 'ClsDataPreprocessor'
    preprocessor.pop('batch_augments', None)
    found = dict(
        default_scope='mmpretrain',
        model=student,
        data_preprocessor=preprocessor,
        test_dataloader=plain_types(cfg.test_dataloader.to_dict()),
        test_evaluator=plain_types(Config(dict(x=cfg.test_evaluator)).to_dict()['x']),
        test_cfg=dict(),
    )
    needed = not all(map(is_stock, types_of(student)))
    if needed or not all(map(is_stock, types_of(found['test_dataloader']))):
        # If only the data set is ours, the network goes without it.
        found['custom_imports'] = dict(imports=['mmnystrom'], allow_failed_imports=not needed)
    return Config(found)


class Deployed(nn.Module):
    """The student from pixels to logits: normalisation, network, classifier.

    Input: float32 (N, 3, H, W), 0 to 255, of the size that the test pipeline gives; RGB where the config
    says ``to_rgb=True``, else as the data set gives it. Output: logits (N, classes).
    """

    def __init__(self, network: nn.Module, preprocessor: dict) -> None:
        super().__init__()
        self.network = network
        for name, default in (('mean', 0.0), ('std', 1.0)):
            values = preprocessor.get(name)
            values = [default] * 3 if values is None else list(values)
            self.register_buffer(name, torch.tensor(values).float().view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Logits of raw images."""
        return self.network((images - self.mean) / self.std, mode='tensor')


def test_images(cfg: Config, number: int) -> tuple[dict, Tensor]:
    """A batch of the test split as the data loader gives it, its images spread over it, and labels."""
    loader = dict(cfg.test_dataloader, num_workers=0, persistent_workers=False, batch_size=1)
    dataset = Runner.build_dataloader(loader).dataset
    number = min(number, len(dataset))
    items = [dataset[round(i * (len(dataset) - 1) / max(number - 1, 1))] for i in range(number)]
    batch = {key: [item[key] for item in items] for key in items[0]}
    return batch, torch.cat([sample.gt_label for sample in batch['data_samples']])


def original(cfg: Config, checkpoint: dict) -> tuple[nn.Module, nn.Module]:
    """The student and the preprocessor of the distillation, as its config has them.

    Neither the teacher nor the distiller is built: an export needs none, and recorders import modules.
    """
    student = cfg.model.architecture.copy()
    student.pop('init_cfg', None)
    model = RAZOR_MODELS.build(student)
    model.load_state_dict(student_weights(checkpoint))
    preprocessor = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor')
    built = RAZOR_MODELS.build(preprocessor) if preprocessor else BaseDataPreprocessor()
    return model.eval(), built


def compare(name: str, found: Tensor, expected: Tensor) -> str:
    """How far an export is from the original.

    Raises:
        SystemExit: If it is farther than rounding explains.
    """
    off = (found - expected).abs().max().item()
    scale = max(expected.abs().max().item(), 1.0)
    same = (found.argmax(1) == expected.argmax(1)).double().mean().item()
    if not off <= TOLERANCE * scale:
        raise SystemExit(f'{name} differs from the original by {off:.3g} in logits of up to {scale:.3g}.')
    return f'{name}: logits within {off:.1e}, {100 * same:.1f} % of the predictions the same'


def to_onnx(model: nn.Module, images: Tensor, path: Path) -> Callable[[Tensor], Tensor]:
    """Write an ONNX file with any batch size; returns what runs it."""
    import onnxruntime

    keywords = dict(input_names=['images'], output_names=['logits'])
    parameters = inspect.signature(torch.onnx.export).parameters
    if 'dynamo' in parameters and importlib.util.find_spec('onnxscript'):
        batch = torch.export.Dim('batch', min=1, max=2**16)
        keywords.update(dynamo=True, dynamic_shapes=dict(images={0: batch}), external_data=False)
    else:
        keywords.update(dynamic_axes=dict(images={0: 'batch'}, logits={0: 'batch'}))
        if 'dynamo' in parameters:
            keywords['dynamo'] = False
    torch.onnx.export(model, (images[:2],), str(path), **keywords)
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    return lambda x: torch.from_numpy(session.run(None, {'images': x.numpy()})[0])


def to_torchscript(model: nn.Module, images: Tensor, path: Path) -> Callable[[Tensor], Tensor]:
    """Write TorchScript, by tracing; returns what runs it."""
    torch.jit.trace(model, images[:2]).save(str(path))
    return torch.jit.load(str(path))


def to_torch_export(model: nn.Module, images: Tensor, path: Path) -> Callable[[Tensor], Tensor]:
    """Write what torch.export makes, with any batch size; returns what runs it."""
    batch = torch.export.Dim('batch', min=1, max=2**16)
    program = torch.export.export(model, (images[:2],), dynamic_shapes=dict(images={0: batch}))
    torch.export.save(program, str(path))
    return torch.export.load(str(path)).module()


EXPORTS = {
    'onnx': ('student.onnx', to_onnx),
    'torchscript': ('student.torchscript.pt', to_torchscript),
    'torch_export': ('student.pt2', to_torch_export),
}


@torch.no_grad()
def main(argv=None):
    args = parse_args(argv)
    checkpoint, cfg = read(args)
    scope = cfg.get('default_scope', 'mmpretrain')
    DefaultScope.get_instance(f'export_student-{time.time_ns()}', scope_name=scope)
    args.out.mkdir(parents=True, exist_ok=True)
    exported = student_config(cfg)
    weights, config = args.out / 'student.pth', args.out / 'student.py'
    exported.dump(config)
    # Tensors and plain text alone, so that any torch loads it without further ado.
    meta = dict(checkpoint.get('meta', {}).get('dataset_meta') or {})
    meta = {key: list(value) if isinstance(value, tuple) else value for key, value in meta.items()}
    torch.save(dict(state_dict=student_weights(checkpoint), meta=dict(dataset_meta=meta)), weights)

    batch, labels = test_images(cfg, args.images)
    student, preprocessor = original(cfg, checkpoint)
    expected = student(preprocessor(batch, False)['inputs'], mode='tensor')
    model = get_model(str(config), pretrained=str(weights), device='cpu').eval()
    own = model(model.data_preprocessor(batch, False)['inputs'], mode='tensor')
    accuracy = 100 * (own.argmax(1) == labels).double().mean().item()
    print(compare('student.pth', own, expected) + f'; top-1 on these {len(labels)} images {accuracy:.2f}')
    if 'custom_imports' in exported:
        kind = 'network' if not exported.custom_imports.allow_failed_imports else 'test data set'
        print(f'student.py imports mmnystrom: the {kind} is one that mmpretrain does not have by itself.')

    to_rgb = exported.data_preprocessor.get('to_rgb', False)
    images = torch.stack([image[[2, 1, 0]] if to_rgb else image for image in batch['inputs']]).float()
    deployed = Deployed(model, exported.data_preprocessor).eval()
    for name, (file, export) in EXPORTS.items():
        if not getattr(args, name):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # tracers warn of every shape that is looked at
            run = export(deployed, images, args.out / file)
        print(compare(file, run(images), expected))
    order = 'RGB' if to_rgb else 'in the channel order of the data set'
    if any(getattr(args, name) for name in EXPORTS):
        size = 'x'.join(map(str, images.shape[1:]))
        print(f'These take float32 images (N, {size}), {order}, 0 to 255, and give logits.')
    print(f'Written to {args.out}')


if __name__ == '__main__':
    sys.exit(main())
