"""Mixed precision on a CPU: bfloat16, no loss scaler."""

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper
from support import kda_config, train

from mmnystrom.bridge import cpu_amp


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.5)


def test_the_wrapper_is_built_and_steps():
    wrapper = AmpOptimWrapper(optimizer=optimizer(), loss_scale='dynamic', clip_grad=dict(max_norm=100))
    assert wrapper.cast_dtype == torch.bfloat16 and not wrapper.loss_scaler.is_enabled()
    (weight,) = wrapper.optimizer.param_groups[0]['params']
    wrapper.update_params((weight * torch.tensor([1.0, 2.0])).sum())
    assert torch.allclose(weight, torch.tensor([0.5, 0.0]))
    state = wrapper.state_dict()
    AmpOptimWrapper(optimizer=optimizer()).load_state_dict(state)


def test_a_scale_of_a_gpu_config_is_harmless():
    assert not AmpOptimWrapper(optimizer=optimizer(), loss_scale=512.0).loss_scaler.is_enabled()


@pytest.mark.parametrize('dtype', ['float16', torch.float16])
def test_float16_is_refused(dtype):
    with pytest.raises(ValueError, match=r"dtype='float16'.*bfloat16"):
        AmpOptimWrapper(optimizer=optimizer(), dtype=dtype)


@pytest.fixture
def timed(monkeypatch):
    """A CPU whose convolutions take these milliseconds, a pair of float32 and bfloat16 a round."""

    def times(*rounds):
        left = [value for pair in rounds for value in pair]
        dtypes = []

        def take(dtype):
            dtypes.append(dtype)
            return left.pop(0)

        monkeypatch.setattr(cpu_amp, 'ROUNDS', len(rounds))
        monkeypatch.setattr(cpu_amp, '_seconds', take)
        return dtypes

    def forget():
        cpu_amp.bf16_ratio.cache_clear()
        cpu_amp._warn.cache_clear()

    forget()
    yield times
    forget()


@pytest.mark.parametrize(
    ('rounds', 'text'),
    [
        ([(4, 2), (4, 2)], None),
        ([(4, 4.2), (4, 4.2)], None),
        ([(4, 7), (4, 7)], '1.8 times as long'),
        # Another program took the first round's, or the second's, time.
        ([(9, 7), (4, 9)], '1.8 times as long'),
        ([(4, 9), (9, 2)], None),
    ],
)
def test_a_cpu_is_judged_by_the_shortest_times(timed, rounds, text):
    dtypes = timed(*rounds)
    said = cpu_amp.warning()
    assert said is None if text is None else (text in said and 'leave --amp out' in said)
    assert dtypes == [torch.float32, torch.bfloat16] * len(rounds)


def test_a_slow_cpu_is_warned_of_once(timed, monkeypatch):
    said = []
    monkeypatch.setattr('mmengine.logging.print_log', lambda message, **kwargs: said.append(message))
    timed((4, 8))
    for _ in range(2):
        AmpOptimWrapper(optimizer=optimizer())
    assert len(said) == 1 and '2.0 times as long in bfloat16' in said[0]


def test_a_fast_cpu_is_not_warned_of(timed, monkeypatch):
    monkeypatch.setattr('mmengine.logging.print_log', lambda *args, **kwargs: pytest.fail('warned'))
    timed((4, 2))
    AmpOptimWrapper(optimizer=optimizer())


def test_timing_leaves_the_random_numbers_of_a_run_alone():
    cpu_amp.bf16_ratio.cache_clear()
    state = torch.get_rng_state()
    assert cpu_amp.bf16_ratio() > 0
    assert torch.equal(torch.get_rng_state(), state)


class Dtypes(Hook):
    def __init__(self):
        self.seen = set()

    def before_train(self, runner):
        def see(module, inputs, output):
            if runner.model.training:  # validation is in float32
                self.seen.add(output.dtype)

        for name in ('student', 'teacher'):
            getattr(runner.model, name).backbone.conv1.register_forward_hook(see)


def test_a_distillation_computes_in_bfloat16_and_its_loss_in_float32(tmp_path):
    cfg = kda_config(tmp_path, optim_wrapper__type='AmpOptimWrapper', optim_wrapper__loss_scale='dynamic')
    dtypes = Dtypes()
    runner, curve = train(cfg, dtypes)
    full = train(kda_config(tmp_path / 'full'))[1]
    assert dtypes.seen == {torch.bfloat16}
    assert all(weight.dtype == torch.float32 for weight in runner.model.parameters())
    kda = [row['distill.loss_kda'] for row in curve]
    loss = runner.model.distiller.distill_losses['loss_kda']
    assert kda[-1] > 0 and loss.last_value.dtype == torch.float32
    assert abs(curve[0]['loss'] - full[0]['loss']) < 0.02
    cfg.resume, cfg.train_cfg.max_epochs = True, 3
    assert len(train(cfg)[1]) == 4
