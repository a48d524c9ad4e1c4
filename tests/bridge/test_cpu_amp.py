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


@pytest.mark.parametrize(
    ('text', 'fast'),
    [
        ('processor : 0\nflags : fpu avx512f avx512_bf16\n', True),
        ('flags\t\t: fpu amx_bf16\n', True),
        ('Features : fp asimd bf16\n', True),
        ('flags : fpu avx2 avx512f\n', False),
        ('nothing of the kind\n', True),
    ],
)
def test_what_the_cpu_can_do(tmp_path, text, fast):
    (tmp_path / 'cpuinfo').write_text(text)
    assert cpu_amp.has_fast_bf16(tmp_path / 'cpuinfo') is fast


def test_an_unknown_cpu_is_not_warned_of(tmp_path):
    assert cpu_amp.has_fast_bf16(tmp_path / 'no such file')


def test_a_slow_cpu_is_warned_of_once(monkeypatch):
    said = []
    monkeypatch.setattr(cpu_amp, 'has_fast_bf16', lambda: False)
    monkeypatch.setattr('mmengine.logging.print_log', lambda message, **kwargs: said.append(message))
    cpu_amp._warn.cache_clear()
    for _ in range(2):
        AmpOptimWrapper(optimizer=optimizer())
    assert len(said) == 1 and 'leave --amp out' in said[0]


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
