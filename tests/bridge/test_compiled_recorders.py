"""Recorders under torch.compile."""

import pytest
import torch
from mmrazor.models.task_modules.recorder import ModuleOutputsRecorder
from torch import nn

from mmnystrom.bridge import compiled_recorders

if not hasattr(torch, 'compile'):
    pytest.skip('this torch has no compiler', allow_module_level=True)


@pytest.fixture(autouse=True)
def forget_graphs():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def run_compiled():
    torch.manual_seed(0)
    plain, recorded = (nn.Sequential(nn.Linear(4, 3), nn.ReLU()) for _ in range(2))
    recorder = ModuleOutputsRecorder('0')
    recorder.initialize(recorded)
    step = torch.compile(lambda network, x: network(x) + 1, backend='eager')
    x = torch.randn(2, 4)
    step(plain, x)
    with recorder:
        step(recorded, x)
    return recorder, recorded[0](x)


def test_a_graph_without_recorders_is_not_taken_for_one_with_them():
    recorder, expected = run_compiled()
    torch.testing.assert_close(recorder.get_record_data(), expected)


def test_the_break_is_still_there():
    config = torch._dynamo.config
    assert not compiled_recorders.is_broken()
    with config.patch(skip_nnmodule_hook_guards=True):
        assert compiled_recorders.is_broken()
        recorder, _ = run_compiled()
        assert recorder.data_buffer == []
