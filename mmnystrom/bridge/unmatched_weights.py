"""Break: a checkpoint that matches no weight of the model is loaded without an error.

Where: ``mmengine/runner/checkpoint.py`` ``load_state_dict(strict=False)`` prints the names that differ,
thousands of characters of them, and goes on. A teacher of random weights, a test of random weights and a
run that begins with random weights all look as they should.
Cure: where nothing matches, an error with the prefixes on both sides; where a part does, one line with
the numbers.
Can go: once mmengine refuses such a checkpoint.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Iterable

from ._rebind import rebind
from .checkpoint_errors import UnusableCheckpointError

NAME = 'checkpoints that match no weight of the model'

#: (id, name) of the checkpoint that was loaded last: what loads it into a model is not told the name.
_last: tuple[int, str] = (0, '')


def is_broken() -> bool:
    """Whether a checkpoint of foreign names is loaded without an error."""
    from mmengine.runner import checkpoint as host
    from torch import nn

    try:
        host._load_checkpoint_to_model(nn.Linear(1, 1), dict(foreign=nn.Parameter()), logger='silent')
    except UnusableCheckpointError:
        return False
    return True


def apply() -> None:
    """Wrap what loads a checkpoint into a model."""
    from mmengine.runner import checkpoint as host

    load = host.CheckpointLoader.load_checkpoint.__func__
    host.CheckpointLoader.load_checkpoint = classmethod(_remembering(load))
    to_model = host._load_checkpoint_to_model
    rebind(to_model, _comparing(to_model), 'mmengine')


def _remembering(load):
    @functools.wraps(load)
    def load_checkpoint(cls, filename, *args, **kwargs):
        global _last
        checkpoint = load(cls, filename, *args, **kwargs)
        _last = id(checkpoint), str(filename)
        return checkpoint

    return load_checkpoint


def _comparing(load):
    @functools.wraps(load)
    def load_checkpoint_to_model(
        model, checkpoint, strict=False, logger=None, revise_keys=((r'^module\.', ''),)
    ):
        name = _last[1] if _last[0] == id(checkpoint) else 'the checkpoint'
        state = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, dict) else checkpoint
        if not isinstance(state, dict):
            raise UnusableCheckpointError(
                f'{name} holds a {type(state).__name__}, and a checkpoint is a dict of tensors, or holds '
                "one as 'state_dict': save model.state_dict() with torch.save."
            )
        found = _shapes(state)
        for pattern, replacement in revise_keys:
            found = {re.sub(pattern, replacement, key): shape for key, shape in found.items()}
        wanted = _shapes(_state_of(model))
        if wanted and not any(found.get(key) == shape for key, shape in wanted.items()):
            raise UnusableCheckpointError(_nothing_matches(name, type(model).__name__, found, wanted))
        result = load(model, checkpoint, strict, logger, revise_keys)
        # Once more: some modules have entries only once they are loaded, landmarks among them.
        _report_a_part(name, type(model).__name__, found, _shapes(_state_of(model)))
        return result

    return load_checkpoint_to_model


def _state_of(model) -> dict:
    """Its weights, under the names that they have without wrappers for several ranks or augmentation."""
    from mmengine.model import BaseTTAModel
    from mmengine.runner.checkpoint import get_state_dict

    return get_state_dict(model.module if isinstance(model, BaseTTAModel) else model)


def _shapes(state: dict) -> dict[str, tuple]:
    return {str(key): tuple(getattr(value, 'shape', ())) for key, value in state.items()}


def _prefixes(names: Iterable[str]) -> str:
    found = list(dict.fromkeys(name.partition('.')[0] + '.' * ('.' in name) for name in names))
    return ', '.join(found[:6]) + (', ...' if len(found) > 6 else '') or 'nothing'


def _nothing_matches(name: str, model: str, found: dict, wanted: dict) -> str:
    same = sum(key in wanted for key in found)
    why = f'{same} have the name of one, but another shape' if same else 'none has the name of one'
    message = (
        f'{name} matches no weight of the {model}: of its {len(found)} entries, {why}. They begin with '
        f'{_prefixes(found)}; the weights begin with {_prefixes(wanted)}. '
    )
    if any(key.startswith('architecture.') for key in found):
        return message + (
            'It is the checkpoint of a distillation: give that of a network by itself '
            "(tools/export_student.py takes the student out of a distillation's)."
        )
    if any(key.startswith('architecture.') for key in wanted):
        return message + (
            'The model is a distillation. To begin with the weights of a student, set model.architecture.'
            f"init_cfg=dict(type='Pretrained', checkpoint='{name}'); for a teacher, model.teacher_ckpt."
        )
    return message + 'Give the checkpoint of this network, or change the config to the network it is of.'


def _report_a_part(name: str, model: str, found: dict, wanted: dict) -> None:
    from mmengine.logging import print_log

    # A count of batches, which mmengine does not miss either.
    missing = [key for key in wanted if key not in found and 'num_batches_tracked' not in key]
    reshaped = [key for key, shape in wanted.items() if found.get(key, shape) != shape]
    unknown = [key for key in found if key not in wanted]
    if not (missing or reshaped or unknown):
        return
    fits = sum(found.get(key) == shape for key, shape in wanted.items())
    parts = [
        f'{len(keys)} {what} ({_examples(keys)})'
        for keys, what in (
            (missing, 'are not in the file'),
            (reshaped, 'have another shape there'),
            (unknown, 'entries of the file have no place in the model'),
        )
        if keys
    ]
    print_log(
        f'{name} matches {fits} of the {len(wanted)} weights of the {model}: {"; ".join(parts)}.',
        logger='current',
        level=logging.WARNING,
    )


def _examples(keys: list[str]) -> str:
    return ', '.join(keys[:2]) + (', ...' if len(keys) > 2 else '')
