"""mmengine's ``compile=`` on a distillation config."""

import pytest
import torch
from mmengine.hooks import Hook
from support import kda_config, train

if not hasattr(torch, 'compile'):
    pytest.skip('this torch has no compiler', allow_module_level=True)


class Graphs(Hook):
    """Counts the graphs after every iteration."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.numbers = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.numbers.append(torch._dynamo.utils.counters['stats']['unique_graphs'])


@pytest.fixture
def dynamo():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield torch._dynamo
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def ratios(runner):
    """How hard the losses pulled, which only an iteration that is not compiled can tell."""
    return {
        key: buffer.data[0].tolist()
        for key, buffer in runner.message_hub.log_scalars.items()
        if key.endswith('gradient_ratio')
    }


@pytest.mark.parametrize(('location', 'replayed'), [('neck-kd', False), ('neck-logits', True)])
def test_a_compiled_run_has_the_losses_of_an_eager_one_and_a_refresh_adds_no_graph(
    tmp_path, dynamo, location, replayed
):
    # A constant learning rate: torch compiles SGD.step() anew for each.
    overrides = dict(train_dataloader__drop_last=True, param_scheduler=[])
    if replayed:
        replay = dict(type='TeacherReplayHook', store=str(tmp_path / 'store'), views=1)
        hooks = [dict(type='LandmarkHook', warmup_epochs=0), replay]
        overrides['custom_hooks'] = hooks
    else:
        overrides['model__distiller__distill_losses__loss_kda__landmarks__init'] = 'pass'
    reference, eager = train(kda_config(tmp_path / 'eager', location, epochs=5, **overrides))
    graphs = Graphs()
    cfg = kda_config(tmp_path / 'compiled', location, epochs=5, **overrides)
    cfg.compile = dict(backend='aot_eager')
    runner, compiled = train(cfg, graphs)
    losses = runner.model.distiller.distill_losses
    first = next(loss for name, loss in losses.items() if 'kda' in name)
    assert first.landmarks.refreshes == 6 - replayed
    assert len(eager) == len(compiled) == 15
    for one, other in zip(eager, compiled, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)
    assert len(ratios(runner)) == 1 + (location == 'neck-logits')
    for key, values in ratios(reference).items():
        assert ratios(runner)[key] == pytest.approx(values, rel=1e-3)
    assert max(graphs.numbers) > 2, 'nothing was compiled'
    # The loss acts from the second epoch on at the latest, of which the first iteration is not compiled.
    assert len(set(graphs.numbers[6:])) == 1, graphs.numbers
