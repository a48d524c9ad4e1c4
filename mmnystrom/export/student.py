"""Write a student, and compare it with the original."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain import get_model
from mmrazor.registry import MODELS
from torch import Tensor, nn

from .checkpoint import read, student_weights
from .config import student_config
from .forms import check_forms, compare, write_forms


@torch.no_grad()
def export_student(
    checkpoint: Path,
    out: Path | None = None,
    config: Path | None = None,
    forms: Sequence[str] = (),
    images: int = 256,
    allow_import: Sequence[str] = (),
    options: dict | None = None,
) -> list[str]:
    """Write student.pth and student.py, and other forms of the student if asked.

    Args:
        checkpoint: A checkpoint of a distillation, as tools/train.py writes it.
        out: Folder for everything that is written. Defaults to None, ``student`` beside the checkpoint.
        config: Config of the run. Defaults to None, the one in the checkpoint, which is read as data
            and not run.
        forms: Names of :data:`FORMS`: ``'onnx'``, ``'torchscript'``, ``'torch_export'``.
        images: Images of the test split to compare on. Defaults to 256.
        allow_import: Modules that the config in the checkpoint may import, beside those of OpenMMLab
            and ours.
        options: Changes of the config. Defaults to None.

    Returns:
        Sentences that say what was written, and how near it is to the original.

    Raises:
        ExportError: If the file is no checkpoint of a distillation, its config is not to be trusted, a
            form needs a package that is missing, or a form differs from the original.
    """
    check_forms(forms)
    loaded, cfg = read(checkpoint, config, allow_import, options or {})
    scope = cfg.get('default_scope', 'mmpretrain')
    DefaultScope.get_instance(f'export_student-{time.time_ns()}', scope_name=scope)
    out = out or checkpoint.parent / 'student'
    out.mkdir(parents=True, exist_ok=True)
    exported = student_config(cfg)
    write_student(loaded, exported, out)

    batch, labels = test_images(cfg, images)
    student, preprocessor = original(cfg, loaded)
    expected = student(preprocessor(batch, False)['inputs'], mode='tensor')
    model = get_model(str(out / 'student.py'), pretrained=str(out / 'student.pth'), device='cpu').eval()
    own = model(model.data_preprocessor(batch, False)['inputs'], mode='tensor')
    accuracy = 100 * (own.argmax(1) == labels).double().mean().item()
    said = [
        compare('student.pth', own, expected) + f'; top-1 on these {len(labels)} images {accuracy:.2f}'
    ]
    if 'custom_imports' in exported:
        kind = 'network' if not exported.custom_imports.allow_failed_imports else 'test data set'
        said.append(
            f'student.py imports mmnystrom: the {kind} is one that mmpretrain does not have by itself.'
        )
    said += write_forms(model, exported, batch['inputs'], expected, forms, out, classes_of(loaded))
    return [*said, f'Written to {out}']


def classes_of(checkpoint: dict) -> list[str] | None:
    """Names of the classes that a network was trained on; None if its checkpoint has none."""
    meta = checkpoint.get('meta', {}).get('dataset_meta') or {}
    classes = meta.get('classes')
    return list(classes) if isinstance(classes, (list, tuple)) else None


def write_student(checkpoint: dict, exported: Config, out: Path) -> None:
    """Write student.pth and student.py.

    The checkpoint holds tensors and plain text alone, so that any torch loads it without being trusted.
    """
    exported.dump(out / 'student.py')
    meta = dict(checkpoint.get('meta', {}).get('dataset_meta') or {})
    meta = {key: list(value) if isinstance(value, tuple) else value for key, value in meta.items()}
    weights = dict(state_dict=student_weights(checkpoint), meta=dict(dataset_meta=meta))
    torch.save(weights, out / 'student.pth')


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
    model = MODELS.build(student)
    model.load_state_dict(student_weights(checkpoint))
    preprocessor = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor')
    built = MODELS.build(preprocessor) if preprocessor else BaseDataPreprocessor()
    return model.eval(), built
