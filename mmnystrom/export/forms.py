"""Other forms of the student: ONNX, TorchScript and torch.export, from pixels to logits."""

from __future__ import annotations

import importlib.util
import inspect
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmnystrom.version import __version__

from .errors import ExportError

#: How much logits may differ. Other runtimes add up in another order.
TOLERANCE = 1e-3


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


def compare(name: str, found: Tensor, expected: Tensor) -> str:
    """How far an export is from the original.

    Raises:
        ExportError: If it is farther than rounding explains.
    """
    off = (found - expected).abs().max().item()
    scale = max(expected.abs().max().item(), 1.0)
    same = (found.argmax(1) == expected.argmax(1)).double().mean().item()
    if not off <= TOLERANCE * scale:
        raise ExportError(
            f'{name} differs from the original by {off:.3g} in logits of up to {scale:.3g}.'
        )
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


def describe_onnx(
    path: Path, shape: Sequence[int], channel_order: str, classes: Sequence[str] | None
) -> None:
    """Write into an ONNX file's metadata what it takes and gives.

    The keys are ``input_size`` (``'HxW'``), ``input_range``, ``channel_order``, ``producer`` and, where
    they are known, ``class_names`` (a JSON list, in the order of the logits).

    Args:
        path: The file.
        shape: Of the images, (N, 3, H, W).
        channel_order: Such as ``'RGB'``.
        classes: Names of the classes, or None.
    """
    import onnx

    model = onnx.load(str(path))
    properties = dict(
        input_size='x'.join(map(str, shape[2:])),
        input_range='0 to 255',
        channel_order=channel_order,
        producer=f'mmnystrom {__version__}',
    )
    if classes is not None:
        properties['class_names'] = json.dumps(list(map(str, classes)))
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, str(path))


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


#: Form -> the file, and what writes it.
FORMS: dict[str, tuple[str, Callable]] = {
    'onnx': ('student.onnx', to_onnx),
    'torchscript': ('student.torchscript.pt', to_torchscript),
    'torch_export': ('student.pt2', to_torch_export),
}


def check_forms(forms: Sequence[str]) -> None:
    """Refuse forms that cannot be written here.

    Raises:
        ExportError: If a form is unknown, or needs something that is missing.
    """
    for form in forms:
        if form not in FORMS:
            raise ExportError(f'forms={list(forms)!r}: {form!r} is unknown: write one of {list(FORMS)}.')
    missing = [name for name in ('onnx', 'onnxruntime') if importlib.util.find_spec(name) is None]
    if 'onnx' in forms and missing:
        raise ExportError(f"ONNX needs {' and '.join(missing)}: pip install 'mmnystrom[export]'.")
    if 'torch_export' in forms and not hasattr(torch, 'export'):
        raise ExportError(f'torch.export needs torch 2.1 or newer, this is {torch.__version__}.')


def write_forms(
    model: nn.Module,
    exported: Config,
    inputs: Sequence[Tensor],
    expected: Tensor,
    forms: Sequence[str],
    out: Path,
    classes: Sequence[str] | None = None,
) -> list[str]:
    """Write other forms of the student, from pixels to logits.

    Args:
        model: The exported student.
        exported: Its config.
        inputs: Images as the data loader gives them, each (3, H, W).
        expected: The original's logits of these images, (N, classes).
        forms: Names of :data:`FORMS`.
        out: Folder.
        classes: Names of the classes, for the metadata of an ONNX file. Defaults to None, unknown.

    Returns:
        Sentences that say how near each is to the original.

    Raises:
        ExportError: If one differs from the original.
    """
    if not forms:
        return []
    to_rgb = exported.data_preprocessor.get('to_rgb', False)
    images = torch.stack([image[[2, 1, 0]] if to_rgb else image for image in inputs]).float()
    deployed = Deployed(model, exported.data_preprocessor).eval()
    said = []
    for form in forms:
        file, write = FORMS[form]
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # tracers warn of every shape that is looked at
            run = write(deployed, images, out / file)
        said.append(compare(file, run(images), expected))
    order = 'RGB' if to_rgb else 'in the channel order of the data set'
    size = 'x'.join(map(str, images.shape[1:]))
    if 'onnx' in forms:
        order_name = 'RGB' if to_rgb else 'as the data set gives it'
        describe_onnx(out / FORMS['onnx'][0], images.shape, order_name, classes)
    said.append(f'These take float32 images (N, {size}), {order}, 0 to 255, and give logits.')
    return said
