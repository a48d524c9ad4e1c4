"""Checkpoints against models: nothing matches, a part, everything; through every wrapper."""

import logging

import pytest
import torch
from mmengine.model import BaseTTAModel
from mmengine.runner import load_checkpoint
from torch import nn

from mmnystrom.bridge import unmatched_weights
from mmnystrom.bridge.checkpoint_errors import UnusableCheckpointError


@pytest.fixture
def said(monkeypatch):
    messages = []

    def keep(message, level=logging.INFO, **kwargs):
        if level >= logging.WARNING:
            messages.append(message)

    monkeypatch.setattr('mmengine.logging.print_log', keep)
    return messages


class Network(nn.ModuleDict):
    def test_step(self, data):  # what BaseTTAModel asks for
        return data


def network():
    return Network(dict(backbone=nn.Linear(2, 2), head=nn.Linear(2, 3)))


def saved(tmp_path, state):
    torch.save(dict(state_dict=state), tmp_path / 'a.pth')
    return str(tmp_path / 'a.pth')


def test_the_break_is_cured():
    assert not unmatched_weights.is_broken()


def test_everything_matches_and_nothing_is_said(tmp_path, said):
    load_checkpoint(network(), saved(tmp_path, network().state_dict()))
    load_checkpoint(
        network(), saved(tmp_path, {f'module.{k}': v for k, v in network().state_dict().items()})
    )
    assert said == []


def test_nothing_matches(tmp_path):
    state = {'encoder.weight': torch.ones(1), 'encoder.bias': torch.ones(1)}
    with pytest.raises(UnusableCheckpointError) as error:
        load_checkpoint(network(), saved(tmp_path, state))
    for words in (
        'a.pth matches no weight of the Network',
        'of its 2 entries, none',
        'encoder.',
        'head.',
    ):
        assert words in str(error.value)


def test_a_part_matches(tmp_path, said):
    state = network().state_dict()
    state['head.bias'] = torch.ones(7)
    state['neck.weight'] = torch.ones(1)
    del state['backbone.bias']
    load_checkpoint(network(), saved(tmp_path, state))
    assert len(said) == 1
    assert said[0].endswith(
        'a.pth matches 2 of the 4 weights of the Network: 1 are not in the file (backbone.bias); 1 have '
        'another shape there (head.bias); 1 entries of the file have no place in the model (neck.weight).'
    )


class TestTime(BaseTTAModel):
    __test__ = False

    def merge_preds(self, data_samples_list):
        return data_samples_list


def test_wrappers_are_looked_through(tmp_path, said):
    """For several ranks, around the whole or around parts; and for augmentation at test time."""
    path = saved(tmp_path, network().state_dict())
    parts = nn.ModuleDict({name: nn.DataParallel(part) for name, part in network().items()})
    for wrapped in (nn.DataParallel(network()), parts, TestTime(network())):
        load_checkpoint(wrapped, path)
    assert said == []


def test_a_model_without_weights_takes_anything(tmp_path):
    load_checkpoint(nn.ReLU(), saved(tmp_path, dict(a=torch.ones(1))))


def test_the_way_out_for_a_student_works(tmp_path):
    """What the message says to write in a config."""
    from mmengine.model import BaseModule

    path = saved(tmp_path, nn.Sequential(nn.Linear(2, 2)).state_dict())
    module = BaseModule(init_cfg=dict(type='Pretrained', checkpoint=path))
    module.add_module('0', nn.Linear(2, 2))
    module.init_weights()
    torch.testing.assert_close(dict(module.state_dict()), dict(torch.load(path)['state_dict']))
