"""A recorder on what a residual block overwrites is not silent."""

import pytest
import torch
from mmpretrain.models import ResNet_CIFAR
from mmrazor.models.task_modules.recorder import ModuleInputsRecorder, ModuleOutputsRecorder

from mmnystrom.bridge import recorders


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr('mmengine.logging.print_log', lambda message, **kwargs: said.append(message))
    recorders._warn.cache_clear()
    return said


@pytest.fixture
def network():
    network = ResNet_CIFAR(18, stem_channels=4, base_channels=4)
    network.eval()  # returns None, as mmpretrain's ResNet.train() does
    for module in network.modules():
        if hasattr(module, 'inplace'):
            module.inplace = False
    return network


def record(kind, source, network, times=1):
    recorder = kind(source)
    recorder.initialize(network)
    with recorder, torch.no_grad():
        for _ in range(times):
            network(torch.randn(2, 3, 8, 8))
    return recorder


def test_the_last_norm_of_a_block(network, warnings):
    recorder = record(ModuleOutputsRecorder, 'layer4.1.bn2', network)
    recorder.get_record_data()
    recorder.get_record_data()
    assert len(warnings) == 1
    assert "The output of 'layer4.1.bn2' was changed in place" in warnings[0]


@pytest.mark.parametrize('source', ['layer4.1.conv2', 'layer4.1', 'layer4.1.relu', 'layer4.1.bn1', ''])
def test_what_is_left_alone(network, warnings, source):
    recorder = record(ModuleOutputsRecorder, source, network, times=2)
    recorder.get_record_data(record_idx=1)
    assert recorder.get_record_data() is recorder.data_buffer[0]
    assert warnings == []


def test_each_record_is_compared_with_its_own(network, warnings):
    recorder = record(ModuleOutputsRecorder, 'layer4.1', network, times=2)
    recorder.data_buffer[1].add_(1)
    recorder.get_record_data(0)
    assert warnings == []
    recorder.get_record_data(1)
    assert len(warnings) == 1


def test_a_second_iteration_starts_anew(network, warnings):
    recorder = record(ModuleOutputsRecorder, 'layer4.1', network)
    recorder.data_buffer[0].add_(1)
    with recorder, torch.no_grad():
        network(torch.randn(2, 3, 8, 8))
    recorder.get_record_data()
    assert warnings == []


def test_inference_tensors_and_inputs_pass(network, warnings):
    recorder = ModuleOutputsRecorder('layer4.1')
    recorder.initialize(network)
    with recorder, torch.inference_mode():
        network(torch.randn(2, 3, 8, 8))
    recorder.get_record_data()
    record(ModuleInputsRecorder, 'layer4.1', network).get_record_data(data_idx=0)
    assert warnings == []
