"""Find the losses of a distillation, and the features that enter them."""

from __future__ import annotations

from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from .losses import KDALoss
from .needs import recorded_rows


def unwrap(module):
    """The module behind a wrapper for several ranks, or the module itself."""
    return module.module if is_model_wrapper(module) else module


def is_sharded(model: nn.Module) -> bool:
    """Whether FSDP holds the parameters, so that only the model as a whole can be called."""
    kinds = {kind.__name__ for module in model.modules() for kind in type(module).__mro__}
    return 'FullyShardedDataParallel' in kinds


def find_distiller(model: nn.Module):
    """The distiller of a distillation model, or None.

    MMSeparateDistributedDataParallel wraps the parts of the model one by one.
    """
    return unwrap(getattr(unwrap(model), 'distiller', None))


def kda_losses(model: nn.Module) -> dict[str, tuple[KDALoss, dict]]:
    """Every KDALoss of a model, with its entry of ``loss_forward_mappings``, by its name there."""
    mappings = getattr(find_distiller(model), 'loss_forward_mappings', {})
    found = {}
    for path, module in unwrap(model).named_modules():
        if isinstance(module, KDALoss):
            name = path.rpartition('.')[2]
            found[name] = module, mappings.get(name, {})
    return found


def check_called(model: nn.Module, losses: dict[str, tuple[KDALoss, dict]]) -> None:
    """Refuse losses that a run would never call, or that compare a network with itself.

    Args:
        model: The model of a runner.
        losses: What :func:`kda_losses` finds in it.

    Raises:
        ValueError: If there are any, or a connector of the teacher's has weights.
    """
    kinds = {kind.__name__ for kind in type(unwrap(model)).__mro__}
    if losses and 'SelfDistill' in kinds:
        raise ValueError(
            f'{", ".join(losses)}: SelfDistill has no teacher, so t_feature would come from the student '
            'itself: take SingleTeacherDistill with a teacher.'
        )
    distiller = find_distiller(model)
    for name, (_, mapping) in losses.items():
        if name in getattr(distiller, 'distill_losses', {}) and not mapping:
            raise ValueError(
                f'{name} is in distill_losses and not in loss_forward_mappings, so that it is never '
                f'called: add loss_forward_mappings=dict({name}=dict(s_feature=dict(from_student=True, '
                "recorder='feat'), t_feature=dict(from_student=False, recorder='feat')))."
            )
        _check_teachers_connector(distiller, name, mapping)


def _check_teachers_connector(distiller, name: str, mapping: dict) -> None:
    """Refuse a connector of the teacher's with weights that nothing would train but weight decay."""
    connector = mapping.get('t_feature', {}).get('connector')
    connectors = getattr(distiller, 'connectors', {})
    if connector not in connectors:  # mmrazor's to refuse
        return
    others = {
        given.get('connector')
        for loss, arguments in distiller.loss_forward_mappings.items()
        for argument, given in arguments.items()
        if (loss, argument) != (name, 't_feature')
    }
    trained = any(parameter.requires_grad for parameter in connectors[connector].parameters())
    if trained and connector not in others:
        raise ValueError(
            f'{name}: t_feature comes from connector={connector!r}, whose weights would get no gradient '
            "(the teacher's features are the target), and weight decay would shrink them to 0. Put a "
            'connector with weights on s_feature, and for the teacher take one without, such as '
            'PoolConnector.'
        )


def unclaimed_landmarks(model: nn.Module, checkpoint: dict) -> str | None:
    """A warning of landmarks in a checkpoint that no loss of the model takes, or None."""
    end = '.landmarks.student'
    state = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, dict) else ()
    keys = [str(key) for key in state] if isinstance(state, dict) else []
    held = {key[: -len(end)].rpartition('.')[2] for key in keys if key.endswith(end)}
    losses = kda_losses(model).items()
    names = {name for name, (loss, _) in losses if loss.landmarks is not None}
    odd, new = (', '.join(sorted(some)) for some in (held - names, names - held))
    if not odd:
        return None
    message = f'The checkpoint holds landmarks of {odd}, which this model has not'
    if new:
        message += (
            f', and none of {new}, which begins without. For the same loss, keep the name that it had'
        )
    return f'{message}.'


def recorded_pair(distiller, name: str, mapping: dict) -> tuple[Tensor, Tensor]:
    """What the recorders hold for a loss, after its connectors: (N, d_S) and (N, d_T).

    Raises:
        LookupError: If a recorder has recorded nothing.
    """
    keys = ('s_feature', 't_feature')
    try:
        pair = [distiller.get_record(**mapping[key]) for key in keys]
    except AssertionError as error:
        raise LookupError(f'{name}: a feature was not recorded: {error}') from error
    return tuple(recorded_rows(x, f'{name}: {key}', key) for x, key in zip(pair, keys, strict=True))


def freeze_teacher(model: nn.Module) -> None:
    """Put a teacher that is not trained wholly in eval mode.

    mmrazor does that for its BatchNorm only; dropout and drop-path would blur the landmarks.
    """
    model = unwrap(model)
    teacher = getattr(model, 'teacher', None)
    if teacher is not None and teacher.training and not getattr(model, 'teacher_trainable', True):
        teacher.eval()
