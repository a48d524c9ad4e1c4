"""CRDLoss and its weight."""

import torch
from mmpretrain.structures import DataSample
from mmrazor.models.losses import CRDLoss

from mmnystrom.bridge import crd_loss


def loss_of(weight):
    torch.manual_seed(0)
    loss = CRDLoss(loss_weight=weight, neg_num=4, sample_n=20, dim_out=8)
    samples = []
    for i in range(3):
        sample = DataSample()
        sample.set_data(dict(sample_idx=torch.tensor(i), contrast_sample_idxs=torch.arange(5) + i))
        samples.append(sample)
    features = torch.nn.functional.normalize(torch.randn(2, 3, 8), dim=2)
    return loss(*features, samples)


def test_the_weight_counts():
    torch.testing.assert_close(loss_of(0.8), 0.8 * loss_of(1.0))
    assert loss_of(1.0) > 0


def test_the_break_is_seen(monkeypatch):
    stock = CRDLoss.forward.__wrapped__ if hasattr(CRDLoss.forward, '__wrapped__') else CRDLoss.forward
    monkeypatch.setattr(CRDLoss, 'forward', stock)
    assert crd_loss.is_broken()
    torch.testing.assert_close(loss_of(0.8), loss_of(1.0))
    crd_loss.apply()
    torch.testing.assert_close(loss_of(0.8), 0.8 * loss_of(1.0))
