"""What the method needs, and how a config of mmrazor gives it."""

from __future__ import annotations

import torch
from torch import Tensor

from mmnystrom.core import FeatureShapeError, FeatureTypeError, LabelError, feature_rows

_REMEDIES = {
    'labels': (
        'landmarks need labels. Record them, student_recorders=dict('
        "gt_label=dict(type='ModuleInputs', source='head.loss_module')), and map them, "
        "loss_forward_mappings=dict({name}=dict(gt_label=dict(from_student=True, recorder='gt_label', "
        "data_idx=1))). Where there are none, as without data (DAFL), take type='kmeans' or 'random'."
    ),
    'weights': (
        "landmarks need the classifiers' weights. Record them in both student_recorders and "
        "teacher_recorders, dict(fc=dict(type='Parameter', source='head.fc.weight')), and map them, "
        "loss_forward_mappings=dict({name}=dict(s_weight=dict(from_student=True, recorder='fc'), "
        "t_weight=dict(from_student=False, recorder='fc')))."
    ),
    'indices': (
        'landmarks need the positions of the images in the data set, sample_idx of their data samples, '
        "which mmpretrain's PackInputs keeps unless its meta_keys leave it out."
    ),
}


def missing(need: str, name: str) -> str:
    """What to add to the config of the loss ``name`` for a strategy that needs this."""
    strategies = dict(labels='class_center', weights='classifier', indices='fixed')
    return f'{strategies[need]} {_REMEDIES[need].format(name=name)}'


def label_tensor(gt_label, name: str) -> Tensor:
    """Labels of a batch as a tensor, also from the list of data samples a model is called with."""
    if isinstance(gt_label, Tensor):
        return gt_label
    if isinstance(gt_label, (list, tuple)) and gt_label:
        for key, join in (('gt_score', torch.stack), ('gt_label', torch.cat)):
            if all(hasattr(sample, key) for sample in gt_label):
                return join([getattr(sample, key) for sample in gt_label])
    raise TypeError(
        f'{name}: gt_label must be a tensor of labels or a list of data samples that carry gt_label, '
        f"got {type(gt_label).__name__}. With dict(type='ModuleInputs', source='head.loss_module') "
        'map it with data_idx=1.'
    )


def recorded_rows(feature: object, argument: str, mapped: str | None = None) -> Tensor:
    """What a recorder or a connector gives, as one row an image.

    Args:
        feature: Shape (N, d) or (N, d, 1, 1).
        argument: What the caller calls it, for messages.
        mapped: Name of the argument in ``loss_forward_mappings``. Defaults to None, ``argument``.

    Returns:
        Shape (N, d).

    Raises:
        FeatureTypeError: If it is no tensor; with what to write in the config.
        FeatureShapeError: If it has another shape; with what to write in the config.
        TypeError: If it is not floating point.
        ValueError: If it holds no image.
    """
    try:
        return feature_rows(feature, argument)
    except FeatureTypeError as error:
        raise FeatureTypeError(
            f"{error} A recorder on a backbone or neck gives a tuple: put dict(type='PoolConnector') "
            'behind it, which takes the last.'
        ) from None
    except FeatureShapeError as error:
        raise FeatureShapeError(
            f"{error} Add connectors=dict(pool=dict(type='PoolConnector')) to the distiller and "
            f"connector='pool' to the mapping of {mapped or argument} in loss_forward_mappings."
        ) from None


def with_remedy(error: ValueError, name: str) -> ValueError:
    """An error of core's as the loss ``name`` raises it; labels come from ``gt_label``."""
    if not isinstance(error, LabelError):
        return type(error)(f'{name}: {error}')
    return LabelError(
        f"{name}: gt_label: {error} A recorder dict(type='ModuleInputs', source='head.loss_module') "
        'holds the logits at data_idx=0 and the labels at data_idx=1.'
    )
