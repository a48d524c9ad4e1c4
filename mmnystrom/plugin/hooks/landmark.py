"""The hook that keeps the landmarks of a run fresh."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

import torch
from mmengine.dist import all_gather, all_reduce, broadcast, get_rank, get_world_size
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import print_log

from mmnystrom.core import check_integer, check_number
from mmnystrom.registry import HOOKS

from ..acting import TEACHER_OF_ZEROS, first_iteration, why_never, why_not
from ..averaged import keep_landmarks
from ..lookup import check_called, freeze_teacher, is_sharded, kda_losses, unclaimed_landmarks
from ..losses import KDALoss, Step
from ..once import Once
from ..pull import PullWatch
from ..schedule import by_epoch, epoch, epoch_length
from ..training_pass import training_pass


@HOOKS.register_module()
class LandmarkHook(Hook):
    """Refresh the landmarks of every KDALoss, and hold the losses off before that.

    After each epoch, or as the landmarks' ``refresh`` says, what all ranks have collected is brought
    together and becomes the landmarks of the next epoch; before the run's checkpoint is written, so
    that it holds them. The first ``warmup_epochs`` epochs go without the loss (they are the
    learning-rate warm-up in the authors' schedule), as does every epoch before landmarks exist. Losses
    whose landmarks have ``init='pass'`` get them from one pass over the training data before the first
    iteration. A frozen teacher is put wholly in eval mode, as the authors' is: mmrazor does that for
    its BatchNorm only, so dropout and drop-path would blur the landmarks.

    Under an IterBasedTrainLoop an epoch is as many iterations as one pass over the data takes.

    Once an epoch it logs how hard each loss pulls on the student's features, in multiples of the task
    (``kernel/kda/gradient_ratio`` for ``loss_kda``), and warns of one that pulls too hard, that costs
    the student accuracy, or that will because the features of student and teacher differ in length.

    Args:
        warmup_epochs: Epochs without the loss. Defaults to 5.
        ramp_epochs: Epochs over which the weight of the loss then grows from 0 to its value, linearly
            from iteration to iteration. Defaults to 0.

    Raises:
        ValueError: If ``warmup_epochs`` is not an integer >= 0, or ``ramp_epochs`` not a number >= 0.
    """

    # Before CheckpointHook (VERY_LOW), after RuntimeInfoHook (VERY_HIGH).
    priority = 'NORMAL'

    def __init__(self, warmup_epochs: int = 5, ramp_epochs: float = 0) -> None:
        check_integer('warmup_epochs', warmup_epochs, 0)
        check_number('ramp_epochs', ramp_epochs, low_included=True)
        self.warmup_epochs = warmup_epochs
        self.ramp_epochs = ramp_epochs
        self.watch: PullWatch | None = None
        self.losses: list[KDALoss] = []
        self._once = Once()
        self._acted: set[str] = set()
        self._never: dict[str, str] = {}
        self._iterations = 0

    def before_run(self, runner) -> None:
        """Find the losses and let them check their mappings.

        Raises:
            ValueError: If there is a second LandmarkHook, a loss is never called or has a wrong
                mapping, the model has no teacher but itself, or FSDP shards the classifiers that are
                landmarks.
        """
        hooks = [hook for hook in runner.hooks if isinstance(hook, LandmarkHook)]
        if len(hooks) > 1:
            raise ValueError(
                f'custom_hooks holds {len(hooks)} LandmarkHooks, and each would refresh the landmarks of '
                'every KDALoss: leave one.'
            )
        found = kda_losses(runner.model)
        check_called(runner.model, found)
        for name, (loss, mapping) in found.items():
            loss.attach(name, mapping)
            if loss.landmarks is not None:
                loss.landmarks.collector_id = get_rank()
            if loss.landmarks is not None and loss.landmarks.needs == 'weights':
                self._check_whole(runner, name)
        self.losses = [loss for loss, _ in found.values()]
        self.watch = PullWatch(runner.model, found)
        if not self.losses:
            self._warn(
                'LandmarkHook found no KDALoss in the model and has nothing to do: remove the hook, or '
                "add a loss of type='KDALoss' to distill_losses."
            )

    @staticmethod
    def _check_whole(runner, name: str) -> None:
        if is_sharded(runner.model):
            raise ValueError(
                f"{name}: landmarks of type='classifier' are the weights of both classifiers, of which "
                "FSDP leaves every rank a part only: take type='class_center', or train with "
                'DistributedDataParallel.'
            )

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Warn of landmarks in the checkpoint that no loss of this model takes."""
        message = unclaimed_landmarks(runner.model, checkpoint)
        if message:
            self._warn(message)

    def before_train(self, runner) -> None:
        """Make the landmarks that must exist before the first iteration.

        Raises:
            ValueError: If the training data loader gives no batch.
        """
        self._make_first(runner)
        length = epoch_length(runner)
        for loss in self.losses:
            why = why_never(runner, loss, self.warmup_epochs, length)
            if why and not length:
                raise ValueError(f'{loss.name} is never on because {why}.')
            if why:
                self._never[loss.name] = why
                self._warn(f'{loss.name} is never on because {why}.', of=loss)

    def after_train(self, runner) -> None:
        """Warn of losses that never acted."""
        for loss in self.losses:
            loss.step = Step()
            why = self._never.get(loss.name) or why_not(loss)
            if why and loss.name not in self._acted and self._iterations:
                self._warn(f'{loss.name} was never on because {why}.', of=loss)

    def _make_first(self, runner) -> None:
        # Every rank has loaded the sums of a mid-epoch checkpoint. Only rank 0 may count them.
        for loss in self._with_landmarks():
            loss.landmarks.clear_synced()
        new = [loss for loss in self._with_landmarks() if not loss.landmarks.refreshes]
        new = [loss for loss in new if loss.landmarks.init == 'pass']
        if not new:
            return
        if self.warmup_epochs:
            self._warn(
                f"init='pass' makes landmarks before the first iteration, but warmup_epochs="
                f'{self.warmup_epochs} keeps the loss off: set LandmarkHook(warmup_epochs=0), or leave '
                'init out.'
            )
        for loss in self.losses:
            loss.step = Step(observing=loss in new)
        training_pass(runner, self._tell_samples)
        self._refresh(new)
        self._look(runner, new)

    def before_train_epoch(self, runner) -> None:
        """Start collecting anew, also in an epoch that was interrupted and runs again."""
        if by_epoch(runner):
            for loss in self._with_landmarks():
                if loss.landmarks.refresh.by_epoch:
                    loss.landmarks.discard_pending()

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Set the schedule, and the teacher's mode, which the loop's ``train()`` has reset."""
        now = epoch(runner)
        for loss in self.losses:
            loss.step = Step(
                enabled=now >= self.warmup_epochs,
                observing=loss.landmarks is not None and self._collects(loss, now),
                ramp=self._ramp(runner, loss),
                must_learn=True,
            )
        self._tell_samples(data_batch)
        freeze_teacher(runner.model)
        self.watch.before_iteration(runner, now)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Report what the losses met, and refresh what is due."""
        self._iterations += 1
        self.watch.after_iteration(runner)
        for loss in self.losses:
            loss.report_if_due()
            if loss.name not in self._acted and loss.last_value is not None and loss.last_value != 0:
                self._acted.add(loss.name)
                print_log(f'{loss.name} acts, from iteration {runner.iter + 1} on.', logger='current')
        counts_epochs = by_epoch(runner)
        # In an epoch-based loop after_train_epoch does it for these.
        here = [x for x in self._with_landmarks() if not (counts_epochs and x.landmarks.refresh.by_epoch)]
        due = [loss for loss in here if self._due_after_iter(runner, loss)]
        self._refresh(due)
        self._look(runner, due)
        if get_world_size() > 1 and self._saves_now(runner):
            self._sync_for_checkpoint(loss for loss in here if loss not in due)

    def after_train_epoch(self, runner) -> None:
        """Refresh what is due."""
        if not by_epoch(runner):
            return
        losses = self._with_landmarks()
        due = [x for x in losses if x.landmarks.refresh.by_epoch and x.step.observing]
        self._refresh(due)
        self._look(runner, due)
        if get_world_size() > 1:  # this epoch's checkpoint may follow
            self._sync_for_checkpoint(x for x in losses if not x.landmarks.refresh.by_epoch)

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Check whether the loss has cost the student accuracy."""
        if self._iterations and self.watch is not None:
            self.watch.after_validation(runner, metrics)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Save the landmarks of the run, and not those of the copy that EMAHook averages in."""
        keep_landmarks(runner, self.losses, checkpoint)

    def _ramp(self, runner, loss: KDALoss) -> float:
        if not self.ramp_epochs:
            return 1.0
        length = epoch_length(runner)
        done = runner.iter + 1 - first_iteration(loss, self.warmup_epochs, length)
        return min(max(done / (self.ramp_epochs * length), 0.0), 1.0)

    def _collects(self, loss: KDALoss, now: int) -> bool:
        refresh = loss.landmarks.refresh
        first = not loss.landmarks.refreshes
        return not refresh.by_epoch or first or (now + 1) % refresh.interval == 0

    def _due_after_iter(self, runner, loss: KDALoss) -> bool:
        refresh = loss.landmarks.refresh
        if loss.landmarks.local and loss.landmarks.per_iteration:
            return False  # the loss refreshes them by itself
        if refresh.by_epoch:
            ends = self.every_n_train_iters(runner, epoch_length(runner))
            return ends and loss.step.observing
        return self.every_n_train_iters(runner, refresh.interval)

    def _refresh(self, losses: Iterable[KDALoss]) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            for loss in losses:
                had_none = not loss.ready
                loss.refresh(all_reduce, all_gather, broadcast)
                if had_none and loss.ready:
                    number = loss.landmarks.num_active
                    print_log(f'{loss.name} has its first {number} landmarks.', logger='current')
                if not loss.landmarks.per_iteration:  # or after_train_iter has done it
                    loss.report()
                if loss.ready and not loss.landmarks.per_iteration and not loss.landmarks.teacher.any():
                    self._warn(f'{loss.name} is never on because {TEACHER_OF_ZEROS}.', of=loss)
                while caught:
                    self._warn(f'{loss.name}: {caught.pop(0).message}', of=loss)

    def _look(self, runner, losses: Iterable[KDALoss]) -> None:
        """Look at new landmarks that a loss will act on before its next refresh."""
        length = epoch_length(runner)
        for loss in losses:
            refresh = loss.landmarks.refresh
            every = refresh.interval * (length if refresh.by_epoch else 1)
            going_on = runner.iter + 1 < runner.max_iters
            if going_on and runner.iter + every > self.warmup_epochs * length:
                self.watch.landmarks_made(loss)

    def _sync_for_checkpoint(self, losses: Iterable[KDALoss]) -> None:
        """Give what all ranks have collected to rank 0, because only rank 0 writes the checkpoint."""
        for loss in losses:
            loss.landmarks.synchronize(all_reduce, all_gather)
            loss.landmarks.clear_synced()

    def _tell_samples(self, data_batch) -> None:
        for loss in self._with_landmarks():
            if loss.landmarks.needs == 'indices' and loss.step.observing:
                loss.step.sample_indices = _sample_indices(data_batch)

    def _with_landmarks(self) -> list[KDALoss]:
        return [loss for loss in self.losses if loss.landmarks is not None]

    def _warn(self, message: str, of: KDALoss | None = None) -> None:
        """Warn once a loss. The numbers in a message do not make it a new one."""
        name = '' if of is None else of.name
        self._once.warn(message, kind=name + re.sub(r'\d+', '', message))

    def _saves_now(self, runner) -> bool:
        return any(
            isinstance(hook, CheckpointHook)
            and not hook.by_epoch
            and self.every_n_train_iters(runner, hook.interval, hook.save_begin)
            for hook in runner.hooks
        )


def _sample_indices(data_batch) -> torch.Tensor | None:
    """Positions of a batch's images in the data set, on the CPU; None if the batch does not tell."""
    samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else None
    found = [getattr(sample, 'sample_idx', None) for sample in samples or ()]
    return torch.tensor(found) if found and None not in found else None
