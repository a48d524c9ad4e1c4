"""What an export reads: the checkpoint of a distillation, and the config of its run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner.checkpoint import _load_checkpoint
from torch import Tensor

from ..plugin.sent_config import UntrustedConfigError, check_sent_parts, read_sent_config
from .errors import ExportError


def read(
    file: Path, config: Path | None, allow_import: Sequence[str], options: dict
) -> tuple[dict, Config]:
    """The checkpoint, and the config of its run. For arguments see :func:`export_student`.

    Raises:
        ExportError: If the file is not of a distillation, or holds no config, or one that is not data.
    """
    try:
        checkpoint = _load_checkpoint(str(file), map_location='cpu')
    except RuntimeError as error:  # those of the bridge name the file and what to do
        raise ExportError(str(error)) from error
    _check_layout(file, checkpoint)
    source = str(config or file)
    if config:
        cfg = Config.fromfile(config)
    else:
        text = checkpoint['meta'].get('cfg')
        if not isinstance(text, str) or not text.strip():
            raise ExportError(f'{file} holds no config: give --config CONFIG.py.')
        cfg = _trusted(read_sent_config, text, source, allow_import)
    cfg.merge_from_dict(options)
    _check_dict(cfg, 'model', source)
    if not isinstance(cfg.model.get('architecture'), ConfigDict) or not any(
        key.startswith('architecture.') for key in checkpoint['state_dict']
    ):
        raise ExportError(
            f'{file} is not of a distillation: its model is {cfg.model.get("type")!r} and it '
            'has no weights of an "architecture". A checkpoint of a student by itself needs no export.'
        )
    _check_dict(cfg, 'test_dataloader', source)
    if not isinstance(cfg.get('test_evaluator'), list):  # of several metrics
        _check_dict(cfg, 'test_evaluator', source)
    if not config:
        # The evaluator is not built here, but whoever tests the exported student builds it.
        keys = ('default_scope', 'data_preprocessor', 'test_dataloader', 'test_evaluator')
        parts = {key: cfg.get(key) for key in keys}
        model = {key: cfg.model.get(key) for key in ('architecture', 'data_preprocessor', '_scope_')}
        _trusted(check_sent_parts, dict(model=model, **parts), source, allow_import)
    return checkpoint, cfg


def _check_dict(cfg: Config, key: str, source: str) -> None:
    if not isinstance(cfg.get(key), ConfigDict):
        raise ExportError(
            f'the config of {source} has {key}={cfg.get(key)!r}, and the export needs a dict there: give '
            'the config of the run by --config CONFIG.py.'
        )


def _trusted(check: Callable, *args):
    try:
        return check(*args)
    except UntrustedConfigError as error:
        raise ExportError(str(error)) from error


def _check_layout(file: Path, checkpoint) -> None:
    """Refuse a checkpoint whose layout is not mmengine's.

    Raises:
        ExportError: If a part has another type; with the part and what to do.
    """
    state = checkpoint.get('state_dict') if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict) or not all(torch.is_tensor(value) for value in state.values()):
        raise ExportError(
            f"{file} holds no 'state_dict' of tensors: give a checkpoint of a distillation, as "
            'tools/train.py writes it (epoch_*.pth).'
        )
    if checkpoint.get('meta') is None:
        checkpoint['meta'] = {}
    meta = checkpoint['meta']
    found = meta.get('dataset_meta') if isinstance(meta, dict) else None
    for name, part in (('meta', meta), ('meta.dataset_meta', found)):
        if part is not None and not isinstance(part, dict):
            raise ExportError(
                f'{file} holds {name} of type {type(part).__name__}, where mmengine writes a dict: it '
                'was changed, or written by something else. Give a checkpoint of tools/train.py.'
            )


def student_weights(checkpoint: dict) -> dict[str, Tensor]:
    """The weights of the student, under their own names."""
    prefix = 'architecture.'
    state = checkpoint['state_dict']
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
