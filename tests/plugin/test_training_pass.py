"""The pass over the training data before the first iteration: what it leaves as it was."""

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import DATA_SAMPLERS
from support import kda_config, train
from torch.utils.data import BatchSampler

from mmnystrom.plugin.training_pass import training_pass


@DATA_SAMPLERS.register_module(name='TestBatchSampler')
class OwnBatches(BatchSampler):
    def __init__(self, sampler, batch_size):
        super().__init__(sampler, batch_size, drop_last=False)


class Pass(Hook):
    """Makes a pass, and looks at the model before and after."""

    def __init__(self):
        self.batches = []

    def before_train(self, runner):
        model = runner.model
        model.eval()
        before = {key: value.clone() for key, value in model.state_dict().items()}
        training_pass(runner, self.batches.append)
        after = model.state_dict()
        self.same = all(torch.equal(before[key], after[key]) for key in before)
        self.mode = model.training
        self.gradients = [p.grad for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize('own_batches', [False, True])
def test_every_image_once_and_nothing_changed(tmp_path, own_batches):
    cfg = kda_config(tmp_path, epochs=1)
    if own_batches:
        cfg.train_dataloader.batch_sampler = dict(type='TestBatchSampler')
    first = Pass()
    train(cfg, first)
    seen = sorted(sample.sample_idx for batch in first.batches for sample in batch['data_samples'])
    assert seen == list(range(60))
    assert [len(batch['inputs']) for batch in first.batches] == [16, 16, 16, 12]
    assert first.same
    assert not first.mode
    assert first.gradients == []
