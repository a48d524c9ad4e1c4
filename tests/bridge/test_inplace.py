"""In-place activations: what recorders keep must be what the layer gave."""

import numpy as np
import pytest
import torch
from mmengine.hub import get_config
from mmengine.registry import DefaultScope
from mmrazor.models.algorithms.base import BaseAlgorithm
from mmrazor.registry import MODELS
from mmrazor.utils import register_all_modules
from torch import nn

OFD = 'mmrazor::distill/mmcls/ofd/ofd_backbone_resnet50_resnet18_8xb16_cifar10.py'


def ofd_losses():
    """OFD's three losses for weights and images that numpy draws, alike on every torch."""
    register_all_modules(False)
    cfg = get_config(OFD)
    cfg.model.pop('teacher_ckpt')
    DefaultScope.get_instance('ofd', scope_name='mmpretrain')
    model = MODELS.build(cfg.model)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                fan_in = parameter[0].numel()
                values = rng.standard_normal(parameter.shape) * (2 / fan_in) ** 0.5
            else:
                values = rng.uniform(0.5, 1.5, parameter.shape)
            parameter.copy_(torch.from_numpy(values))
    model.train()
    from mmpretrain.structures import DataSample

    images = torch.from_numpy(rng.standard_normal((8, 3, 32, 32)).astype(np.float32))
    samples = [DataSample().set_gt_label(i) for i in range(8)]
    losses = model(images, samples, mode='loss')
    return [losses[f'distill.loss_{i}'].item() for i in (1, 2, 3)]


# Printed by this function under torch 1.13.1, where mmrazor's own walk works.
OFD_ON_TORCH_1_13 = [2557.73046875, 44119.46484375, 284005.53125]


def test_ofd_losses_are_those_of_torch_1_13():
    assert ofd_losses() == pytest.approx(OFD_ON_TORCH_1_13, rel=1e-5)


def test_ofd_losses_would_be_wrong_without_the_walk(monkeypatch):
    monkeypatch.setattr(BaseAlgorithm, 'set_module_inplace_false', lambda *args: None)
    assert ofd_losses() != pytest.approx(OFD_ON_TORCH_1_13, rel=1e-3)


def test_every_level_is_walked():
    module = nn.Sequential(nn.ReLU(inplace=True), nn.Sequential(nn.Sequential(nn.ReLU6(inplace=True))))
    algorithm = BaseAlgorithm.__new__(BaseAlgorithm)
    nn.Module.__init__(algorithm)
    algorithm.architecture = module
    algorithm.set_module_inplace_false(module, 'self.architecture')
    assert not any(getattr(m, 'inplace', False) for m in module.modules())
