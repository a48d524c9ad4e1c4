"""Why a loss does not act in a run. Known before the run, if possible, or after it."""

from __future__ import annotations

from mmnystrom.core import Landmarks

from .losses import KDALoss


def first_iteration(loss: KDALoss, warmup_epochs: int, epoch_length: int) -> int:
    """The first iteration of a run, from 0, in which a loss acts by its schedule.

    Args:
        loss: The loss.
        warmup_epochs: Epochs without it.
        epoch_length: Iterations of an epoch.
    """
    start = warmup_epochs * epoch_length
    landmarks = loss.landmarks
    if landmarks is None or landmarks.exist_at_once:
        return start
    return max(start, _first_refresh(landmarks, epoch_length))


def _first_refresh(landmarks: Landmarks, epoch_length: int) -> int:
    """Iterations before the first refresh. A schedule by epochs collects for one epoch, at least."""
    return epoch_length if landmarks.refresh.by_epoch else landmarks.refresh.interval


def why_never(runner, loss: KDALoss, warmup_epochs: int, epoch_length: int) -> str | None:
    """The reason why a loss cannot act in a run, as far as it is certain before the first iteration.

    Args:
        runner: The runner, its checkpoint loaded.
        loss: The loss.
        warmup_epochs: Epochs without it.
        epoch_length: Iterations of an epoch.

    Returns:
        The reason with a remedy, or None if the loss can act.
    """
    if not epoch_length:
        loader = runner.train_dataloader
        return (
            f'the train_dataloader gives no batch: {len(loader.dataset)} images, batch_size='
            f'{loader.batch_size}, drop_last={loader.drop_last}. Set a smaller batch_size, or '
            'drop_last=False'
        )
    last = runner.max_iters
    if runner.iter >= last:  # resumed from the end of a run
        return None
    if warmup_epochs * epoch_length >= last:
        return (
            f'warmup_epochs={warmup_epochs} lasts as long as the run, {-(-last // epoch_length)} epochs: '
            'set LandmarkHook(warmup_epochs=...) to less, or train longer'
        )
    landmarks = loss.landmarks
    if landmarks is None or loss.ready:
        return None
    size = len(runner.train_dataloader.dataset)
    if landmarks.needs == 'indices' and not landmarks.within(size):
        return (
            f'none of its {landmarks.num_landmarks} fixed landmarks is in the training data, which has '
            f'{size} images: give indices from 0 to {size - 1}'
        )
    if landmarks.exist_at_once:
        return None
    every = _first_refresh(landmarks, epoch_length)
    if (runner.iter // every + 1) * every >= last:
        return (
            f'its landmarks first exist after {every} iterations, and the run has {last}: train longer, '
            "or set init='pass' in landmarks with LandmarkHook(warmup_epochs=0)"
        )
    return None


def why_not(loss: KDALoss) -> str | None:
    """The reason why a loss has not acted in a run that is over; None if it has.

    Args:
        loss: The loss, after at least one iteration.
    """
    if not loss.ready:
        return 'none of its landmarks ever existed: look at what is recorded for it, and at the data set'
    if loss.last_value is None:
        return 'the run ended before its warm-up was over and its landmarks existed'
    if not loss.last_value:
        if loss.landmarks is not None and not loss.landmarks.teacher.any():
            return TEACHER_OF_ZEROS
        return (
            'its value was 0 all the time: the features are all zero, or those of student and teacher '
            'are the same'
        )
    return None


TEACHER_OF_ZEROS = (
    "the teacher's features are all zero: look at teacher_ckpt, and at the layer that is recorded"
)
