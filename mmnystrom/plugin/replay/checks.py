"""What cannot be replayed, found before a run."""

from __future__ import annotations

from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import IterableDataset

from ..lookup import find_distiller, is_sharded, unwrap
from .errors import ReplayError
from .teacher import recorded_layer

#: Hooks that change the pipeline in the middle of a run.
SWITCHES = ('SwitchRecipeHook', 'PipelineSwitchHook', 'YOLOXModeSwitchHook')


def check_replayable(runner) -> None:
    """Refuse a run whose teacher does not give the same for an image each time, or is not asked so.

    Args:
        runner: The runner, before its first iteration.

    Raises:
        ReplayError: If FSDP shards the model, or it has no frozen teacher of its own, uses deliveries,
            records functions or methods, mixes images, or draws an image more than once an epoch.
    """
    if is_sharded(runner.model):
        raise ReplayError(
            "FSDP holds the parameters of the teacher together with the student's, so that the teacher "
            'cannot be called by itself: train with DistributedDataParallel.'
        )
    _check_model(unwrap(runner.model))
    _check_data(runner)


def _check_model(model) -> None:
    kinds = {kind.__name__ for kind in type(model).__mro__}
    if 'SingleTeacherDistill' not in kinds or 'FpnTeacherDistill' in kinds:
        raise ReplayError(
            f"{type(model).__name__} does not call one teacher as a whole, mode='loss', which is what is "
            'replayed: it needs SingleTeacherDistill.'
        )
    teacher, distiller = unwrap(model.teacher), find_distiller(model)
    if model.teacher_trainable or any(x.requires_grad for x in teacher.parameters()):
        raise ReplayError(
            'the teacher is trained (teacher_trainable=True), so that its outputs change: only a frozen '
            'teacher can be replayed.'
        )
    if not model.teacher_norm_eval and any(isinstance(x, _BatchNorm) for x in teacher.modules()):
        raise ReplayError(
            "the teacher's BatchNorm is in training mode (teacher_norm_eval=False), so that an image's "
            'output depends on its batch: leave teacher_norm_eval=True.'
        )
    if distiller.deliveries.deliveries:
        raise ReplayError(
            f'distill_deliveries ({", ".join(distiller.deliveries.deliveries)}) hand over what the '
            'teacher computes while it runs: they cannot be replayed.'
        )
    for recorder in distiller.teacher_recorders.recorders.values():
        recorded_layer(recorder)
    preprocessor = getattr(model, 'data_preprocessor', None)
    mixes = getattr(preprocessor, 'batch_augments', None)
    if mixes is not None:
        raise ReplayError(
            'the data preprocessor mixes the images of a batch (batch_augments: '
            f'{type(mixes).__name__}), other ones in every epoch, so that there is nothing to replay: '
            'leave batch_augments out.'
        )


def _check_data(runner) -> None:
    loader = runner.train_dataloader
    if isinstance(loader.dataset, IterableDataset):
        raise ReplayError(
            f'the data set {type(loader.dataset).__name__} has no positions (it is an IterableDataset): '
            'only images that have a number can be replayed.'
        )
    samplers = (loader.sampler, getattr(loader.batch_sampler, 'sampler', None))
    if any(type(sampler).__name__ == 'RepeatAugSampler' for sampler in samplers):
        raise ReplayError(
            'RepeatAugSampler draws an image several times in an epoch, each time another view, and a '
            "replayed epoch has one view of an image: take dict(type='DefaultSampler', shuffle=True)."
        )
    switches = [type(hook).__name__ for hook in runner.hooks if type(hook).__name__ in SWITCHES]
    if switches:
        raise ReplayError(
            f'{switches[0]} changes the pipeline in the middle of the run, and a store holds the views '
            'of one pipeline: remove the hook.'
        )
