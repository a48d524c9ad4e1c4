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


@pytest.mark.parametrize('replayed', [False, True])
def test_a_compiled_run_has_the_losses_of_an_eager_one_and_a_refresh_adds_no_graph(
    tmp_path, dynamo, replayed
):
    # A constant learning rate: torch compiles SGD.step() anew for each.
    overrides = dict(train_dataloader__drop_last=True, param_scheduler=[])
    if replayed:
        replay = dict(type='TeacherReplayHook', store=str(tmp_path / 'store'), views=1)
        hooks = [dict(type='LandmarkHook', warmup_epochs=0), replay]
        overrides['custom_hooks'] = hooks
    else:
        overrides['model__distiller__distill_losses__loss_kda__landmarks__init'] = 'pass'
    _, eager = train(kda_config(tmp_path / 'eager', 'neck-kd', epochs=5, **overrides))
    graphs = Graphs()
    cfg = kda_config(tmp_path / 'compiled', 'neck-kd', epochs=5, **overrides)
    cfg.compile = dict(backend='aot_eager')
    runner, compiled = train(cfg, graphs)
    assert runner.model.distiller.distill_losses.loss_kda.landmarks.refreshes == 6 - replayed
    assert len(eager) == len(compiled) == 15
    for one, other in zip(eager, compiled, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)
    assert graphs.numbers[0] > 2, 'nothing was compiled'
    # The loss acts from the second epoch on at the latest. Its pull is then measured for the first time.
    assert len(set(graphs.numbers[6:])) == 1, graphs.numbers
