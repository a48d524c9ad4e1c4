"""Where the losses are, and what the recorders hold for them."""

import pytest
import torch
from mmrazor.registry import MODELS
from support import kda_config

from mmnystrom.plugin import KDALoss
from mmnystrom.plugin.lookup import find_distiller, kda_losses, recorded_pair


@pytest.fixture
def model(tmp_path):
    cfg = kda_config(tmp_path, 'neck-logits').model
    cfg.distiller.connectors = dict(unit=dict(type='NormalizeConnector'))
    cfg.distiller.loss_forward_mappings.loss_kda.s_feature.connector = 'unit'
    model = MODELS.build(cfg)
    model.eval()
    return model


def test_losses_and_their_mappings(model):
    found = kda_losses(model)
    assert set(found) == {'loss_kda', 'loss_kda_logits'}
    for loss, mapping in found.values():
        assert isinstance(loss, KDALoss)
        assert {'s_feature', 't_feature', 'gt_label'} <= set(mapping)
    assert find_distiller(torch.nn.Linear(2, 2)) is None
    assert kda_losses(torch.nn.Linear(2, 2)) == {}


def test_a_pair_comes_through_its_connectors(model):
    distiller = find_distiller(model)
    mapping = kda_losses(model)['loss_kda'][1]
    with pytest.raises(LookupError, match='^loss_kda: a feature was not recorded'):
        recorded_pair(distiller, 'loss_kda', mapping)
    with torch.no_grad(), distiller.student_recorders, distiller.teacher_recorders:
        images = torch.randn(3, 3, 8, 8)
        model.student(images, mode='tensor')
        model.teacher(images, mode='tensor')
    student, teacher = recorded_pair(distiller, 'loss_kda', mapping)
    assert student.shape == (3, 32)
    assert teacher.shape == (3, 64)
    torch.testing.assert_close(student.norm(dim=1), torch.ones(3))
