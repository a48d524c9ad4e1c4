"""One pass over the training data that trains nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from mmengine.dist import is_main_process
from mmengine.optim import OptimWrapper
from mmengine.utils import ProgressBar

from .distiller import unwrap


def training_pass(runner, num_batches: int, before_batch: Callable) -> None:
    """Run the training forward over the data once, with a progress bar and without gradients.

    The networks see what they see in training (augmented images, batch statistics, mixed precision),
    and every recorder, connector and loss runs. Buffers, BatchNorm's statistics among them, are put
    back to what they were.

    Args:
        runner: The runner, before its first iteration.
        num_batches: How many batches are one pass.
        before_batch: Called with every batch.
    """
    model = unwrap(runner.model)
    mode = model.training
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.train()
    teacher = getattr(model, 'teacher', None)
    if teacher is not None and not getattr(model, 'teacher_trainable', True):
        teacher.eval()
    bar = None
    if is_main_process():
        runner.logger.info(f'One pass over the training data, {num_batches} batches, for the landmarks:')
        bar = ProgressBar(num_batches)
    precision = nullcontext()
    if isinstance(runner.optim_wrapper, OptimWrapper):
        precision = runner.optim_wrapper.optim_context(model)
    with torch.no_grad(), precision:
        for _, batch in zip(range(num_batches), runner.train_dataloader, strict=False):
            before_batch(batch)
            data = model.data_preprocessor(batch, True)
            model(**data, mode='loss')
            if bar is not None:
                bar.update()
    if bar is not None:
        bar.file.write('\n')
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    model.train(mode)
