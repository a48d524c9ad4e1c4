"""Break: a recorded output that is overwritten in place later is handed to the loss without a word.

Where: ``mmrazor/models/task_modules/recorder/module_outputs_recorder.py`` keeps the tensor itself. No
``inplace`` flag guards against code: mmpretrain's residual blocks do ``out += identity``, so what a
recorder on ``...bn2`` holds by the time of the loss is not what bn2 gave.
Cure: the recorder remembers the tensor's version and warns, once a source, if it has moved.
Can go: once mmrazor checks, or mmpretrain's blocks add out of place.
"""

from __future__ import annotations

import functools
import logging

NAME = 'recorded outputs overwritten in place unnoticed'


def is_broken() -> bool:
    """Whether mmrazor's recorder lets an overwritten output pass."""
    from mmrazor.models.task_modules.recorder import ModuleOutputsRecorder

    return not hasattr(ModuleOutputsRecorder, 'versions')


def apply() -> None:
    """Wrap the recorder's two ends."""
    from mmrazor.models.task_modules.recorder import ModuleOutputsRecorder

    forward_hook = ModuleOutputsRecorder.forward_hook
    get_record_data = ModuleOutputsRecorder.get_record_data

    @functools.wraps(forward_hook)
    def remember(self, module, inputs, outputs):
        forward_hook(self, module, inputs, outputs)
        if _compiling():
            self.versions = ()
        elif self.recording:
            if len(self.data_buffer) == 1:
                self.versions = []
            self.versions.append(_versions(outputs))

    @functools.wraps(get_record_data)
    def compare(self, record_idx=0, data_idx=None):
        data = get_record_data(self, record_idx, data_idx)
        if (
            not _compiling()
            and self.versions
            and self.versions[record_idx] != _versions(self.data_buffer[record_idx])
        ):
            _warn(self.source)
        return data

    ModuleOutputsRecorder.versions = ()  # and stays so in recorders of inputs, a subclass
    ModuleOutputsRecorder.forward_hook = remember
    ModuleOutputsRecorder.get_record_data = compare


def _compiling() -> bool:
    """Whether torch.compile is at work. A version would be one graph more for every value it has."""
    import torch

    compiler = getattr(torch, 'compiler', None)  # since torch 2.1
    return hasattr(compiler, 'is_compiling') and compiler.is_compiling()


def _versions(outputs) -> list[int]:
    import torch

    if isinstance(outputs, (list, tuple)):
        return [version for output in outputs for version in _versions(output)]
    if isinstance(outputs, torch.Tensor) and not outputs.is_inference():
        return [outputs._version]
    return []


@functools.cache
def _warn(source: str) -> None:
    from mmengine.logging import print_log

    print_log(
        f'The output of {source!r} was changed in place after it was recorded, and the loss gets what it '
        'was changed to: a residual block adds its shortcut to the output of its last norm layer. Record '
        'a layer whose output is left alone, such as the conv before it, or the block itself.',
        logger='current',
        level=logging.WARNING,
    )
