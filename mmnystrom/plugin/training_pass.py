"""One pass over the training data that trains nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager, nullcontext

import torch
from mmengine.dataset import DefaultSampler
from mmengine.dist import is_main_process
from mmengine.optim import OptimWrapper
from mmengine.utils import ProgressBar
from torch.utils.data import DataLoader

from .lookup import freeze_teacher, is_sharded, unwrap


def training_pass(runner, before_batch: Callable) -> None:
    """Run the training forward over the data once, with a progress bar and without gradients.

    The networks see what they see in training (augmented images, batch statistics, mixed precision),
    and every recorder, connector and loss runs. Buffers, BatchNorm's statistics among them, are put
    back to what they were. The images come in an order of their own, so that the sampler of the run,
    which may be one that never ends, is left alone.

    Args:
        runner: The runner, before its first iteration.
        before_batch: Called with every batch.
    """
    loader = _one_pass(runner.train_dataloader)
    model = unwrap(runner.model)
    forward = runner.model if is_sharded(runner.model) else model
    mode = model.training
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.train()
    freeze_teacher(model)
    bar = None
    if is_main_process():
        runner.logger.info(f'One pass over the training data, {len(loader)} batches, for the landmarks:')
        bar = ProgressBar(len(loader), file=sys.stdout)
    with torch.no_grad(), training_precision(runner):
        for batch in loader:
            before_batch(batch)
            data = model.data_preprocessor(batch, True)
            forward(**data, mode='loss')
            if bar is not None:
                bar.update()
    if bar is not None:
        bar.file.write('\n')
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    model.train(mode)


@contextmanager
def training_precision(runner):
    """The context in which a training step computes.

    Yields:
        The dtype of mixed precision, such as ``'bfloat16'``, or ``'float32'``.
    """
    precision = nullcontext()
    if isinstance(runner.optim_wrapper, OptimWrapper):
        precision = runner.optim_wrapper.optim_context(unwrap(runner.model))
    with precision:
        # As torch 1.13 spells it, too.
        if next(unwrap(runner.model).parameters()).is_cuda:
            enabled, dtype = torch.is_autocast_enabled(), torch.get_autocast_gpu_dtype
        else:
            enabled, dtype = torch.is_autocast_cpu_enabled(), torch.get_autocast_cpu_dtype
        yield str(dtype()).removeprefix('torch.') if enabled else 'float32'


def _one_pass(loader: DataLoader) -> DataLoader:
    if loader.batch_size is None:  # a batch sampler of the user's own
        return loader
    return DataLoader(
        loader.dataset,
        batch_size=loader.batch_size,
        sampler=DefaultSampler(loader.dataset, shuffle=True),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=loader.drop_last,
        worker_init_fn=loader.worker_init_fn,
    )
