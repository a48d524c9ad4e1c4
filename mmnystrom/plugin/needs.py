"""What landmark strategies need beside features: how to get it, and labels as a tensor."""

from __future__ import annotations

import torch
from torch import Tensor

_REMEDIES = {
    'labels': (
        'landmarks need labels. Record them, student_recorders=dict('
        "gt_label=dict(type='ModuleInputs', source='head.loss_module')), and map them, "
        "loss_forward_mappings=dict({name}=dict(gt_label=dict(from_student=True, recorder='gt_label', "
        'data_idx=1))).'
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
