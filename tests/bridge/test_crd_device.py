"""CRD's numbers of images go to where its features are."""

import pytest
import torch
from mmrazor.models.losses.crd_loss import ContrastMemory

from mmnystrom.bridge import crd_device


@pytest.fixture
def calls(monkeypatch):
    """The arguments with which the stock forward is called, by the cure."""
    found = []

    def forward(self, feat_s, feat_t, idx, sample_idx=None):
        found.append((idx, sample_idx))

    monkeypatch.setattr(ContrastMemory, 'forward', forward)
    assert crd_device.is_broken()
    crd_device.apply()
    assert not crd_device.is_broken()
    return found


@pytest.mark.parametrize('given', [True, False])
def test_the_numbers_are_moved(calls, given):
    memory = ContrastMemory(dim_out=4, n_sample=10, neg_sample=2)
    features = torch.empty(3, 4, device='meta')  # a device that every machine has
    contrast = torch.zeros(3, 3, dtype=torch.long) if given else None
    memory(features, features, torch.arange(3), contrast)
    ((idx, sample_idx),) = calls
    assert idx.device.type == sample_idx.device.type == 'meta'
    assert idx.shape == (3,) and sample_idx.shape == (3, 3)


def test_what_is_drawn_begins_with_the_image_itself(calls):
    memory = ContrastMemory(dim_out=4, n_sample=10, neg_sample=2)
    features = torch.empty(3, 4)
    memory(features, features, torch.tensor([7, 8, 9]))
    ((idx, sample_idx),) = calls
    assert sample_idx[:, 0].tolist() == idx.tolist() == [7, 8, 9]
    assert sample_idx.min() >= 0 and sample_idx.max() < 10


def test_the_cure_changes_no_figure_on_the_cpu():
    torch.manual_seed(0)
    features = torch.nn.functional.normalize(torch.randn(2, 3, 4), dim=2)
    contrast = torch.randint(0, 10, (3, 3))
    outs = []
    for forward in (ContrastMemory.forward, ContrastMemory.forward.__wrapped__):
        torch.manual_seed(1)
        memory = ContrastMemory(dim_out=4, n_sample=10, neg_sample=2)
        outs.append(torch.stack(forward(memory, *features, contrast[:, 0], contrast)))
    assert torch.equal(*outs)
