"""Algorithms that compute the loss several times a batch, with a part of one network each."""

import torch
from support import kda_config, train


def test_autoslim(tmp_path):
    """The largest subnet teaches, whose graph is freed before the losses of the smaller ones."""
    cfg = kda_config(tmp_path, 'logits', epochs=3, optim_wrapper__optimizer__lr=0.01)
    unit = dict(candidate_choices=[0.5, 1.0], choice_mode='ratio')
    mutator = dict(
        type='OneShotChannelMutator',
        channel_unit_cfg=dict(type='OneShotMutableChannelUnit', default_args=unit),
        parse_cfg=dict(type='ChannelAnalyzer', demo_input=(1, 3, 8, 8), tracer_type='FxTracer'),
    )
    model = cfg.model
    cfg.model = dict(
        type='mmrazor.AutoSlim',
        _scope_='mmrazor',
        data_preprocessor=model.data_preprocessor,
        architecture=model.architecture,
        distiller=dict(model.distiller, _scope_='mmrazor'),
        mutator=dict(mutator, _scope_='mmrazor'),
    )
    for split in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{split}_{part}'] = None
    runner, curve = train(cfg)
    subnets = [name for name in curve[-1] if name.endswith('loss_kda')]
    assert len(subnets) == 3 and all(curve[-1][name] > 0 for name in subnets)
    (loss,) = runner.model.distiller.distill_losses.values()
    assert loss.landmarks.weight.sum() == 3 * 60
    # The student's logits of three subnets are not those of the teacher, the largest.
    assert not torch.allclose(loss.landmarks.student, loss.landmarks.teacher)
