"""The hook that keeps the landmarks of a run fresh."""

from __future__ import annotations

import logging
import math

from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop

from .losses import KDALoss


@HOOKS.register_module()
class LandmarkHook(Hook):
    """Refresh the landmarks of every KDALoss once an epoch, and hold the losses off before that.

    After each epoch the sums and counts of all ranks are added and become the landmarks of the next
    epoch; before the run's checkpoint is written, so that it holds them. The first ``warmup_epochs``
    epochs go without the loss (they are the learning-rate warm-up in the authors' schedule), as does
    every epoch before landmarks exist. A frozen teacher is put wholly in eval mode, as the authors'
    is: mmrazor does that for its BatchNorm only, so dropout and drop-path would blur the landmarks.

    Under an IterBasedTrainLoop an epoch is as many iterations as one pass over the data takes.

    Args:
        warmup_epochs: Epochs without the loss. Defaults to 5.

    Raises:
        ValueError: If ``warmup_epochs`` is not an integer >= 0.
    """

    # Before CheckpointHook (VERY_LOW), after RuntimeInfoHook (VERY_HIGH).
    priority = 'NORMAL'

    def __init__(self, warmup_epochs: int = 5) -> None:
        if not isinstance(warmup_epochs, int) or isinstance(warmup_epochs, bool) or warmup_epochs < 0:
            raise ValueError(f'warmup_epochs={warmup_epochs!r} must be an integer >= 0.')
        self.warmup_epochs = warmup_epochs
        self.losses: list[KDALoss] = []

    def before_run(self, runner) -> None:
        """Find the losses and let them check their mappings."""
        model = _unwrap(runner.model)
        # MMSeparateDistributedDataParallel wraps the parts of the model one by one.
        distiller = _unwrap(getattr(model, 'distiller', None))
        mappings = getattr(distiller, 'loss_forward_mappings', {})
        self.losses = []
        for path, module in model.named_modules():
            if isinstance(module, KDALoss):
                name = path.rpartition('.')[2]
                module.attach(name, mappings.get(name, ()))
                self.losses.append(module)
        if not self.losses:
            print_log(
                'LandmarkHook found no KDALoss in the model and has nothing to do: remove the hook, or '
                "add a loss of type='KDALoss' to distill_losses.",
                logger='current',
                level=logging.WARNING,
            )

    def before_train(self, runner) -> None:
        """Leave the sums of a mid-epoch checkpoint, which every rank has loaded, to one rank."""
        if get_rank() != 0:
            self._discard_pending()

    def before_train_epoch(self, runner) -> None:
        """Start the sums of an epoch, also of one that was interrupted and runs again."""
        if self._by_epoch(runner):
            self._discard_pending()

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Set the schedule and the teacher's mode, which the loop's ``train()`` has reset."""
        epoch = runner.epoch if self._by_epoch(runner) else runner.iter // self._epoch_length(runner)
        for loss in self.losses:
            loss.enabled = epoch >= self.warmup_epochs
        model = _unwrap(runner.model)
        teacher = getattr(model, 'teacher', None)
        if teacher is not None and teacher.training and not getattr(model, 'teacher_trainable', True):
            teacher.eval()

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Report what the losses met; the log has waited for the device by now, so this is cheap."""
        for loss in self.losses:
            loss.report()
        if self._by_epoch(runner):
            return
        if self.every_n_train_iters(runner, self._epoch_length(runner)):
            self._refresh()
        elif get_world_size() > 1 and self._saves_now(runner):
            # Rank 0 alone writes the checkpoint: its sums must be everybody's.
            self._reduce()
            if get_rank() != 0:
                self._discard_pending()

    def after_train_epoch(self, runner) -> None:
        """Refresh the landmarks."""
        if self._by_epoch(runner):
            self._refresh()

    def _refresh(self) -> None:
        self._reduce()
        for loss in self.losses:
            loss.report()
            loss.landmarks.commit()

    def _reduce(self) -> None:
        for loss in self.losses:
            for total in loss.landmarks.pending():
                all_reduce(total)

    def _discard_pending(self) -> None:
        for loss in self.losses:
            loss.landmarks.discard_pending()

    def _saves_now(self, runner) -> bool:
        return any(
            isinstance(hook, CheckpointHook) and self.every_n_train_iters(runner, hook.interval)
            for hook in runner.hooks
        )

    @staticmethod
    def _by_epoch(runner) -> bool:
        return isinstance(runner.train_loop, EpochBasedTrainLoop)

    @staticmethod
    def _epoch_length(runner) -> int:
        loader = runner.train_dataloader
        if loader.batch_size is None:
            return len(loader)
        # len(loader) would not do: an InfiniteSampler counts the images of all ranks.
        return math.ceil(len(loader.dataset) / (loader.batch_size * get_world_size()))


def _unwrap(module):
    return module.module if is_model_wrapper(module) else module
