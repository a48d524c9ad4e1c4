"""The benchmark runs; its figures are for reading, not for testing."""

from argparse import Namespace

import benchmark_losses
import pytest
import torch

from mmnystrom.core import FORMS, KERNELS, PRESETS


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(benchmark_losses, '_time', lambda step, device: (step(), 1.0)[1])


def test_every_loss_takes_its_step():
    args = Namespace(shapes=((16, 32, 5),), rounds=1, device='cpu')
    text, ratios = benchmark_losses.loss_table(args)
    for form in FORMS:
        assert any(form in name for name in ratios)
    for name in (*KERNELS, *PRESETS, *benchmark_losses.STRATEGIES):
        assert any(name in row for row in ratios)
    assert sum('mmrazor' in name for name in ratios) >= 10
    assert '(N, d, m) = (16, 32, 5)' in text


def test_what_goes_on_in_an_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark_losses, 'IMAGES', 4 * 256)
    monkeypatch.setattr(benchmark_losses, 'BATCH', 8)
    args = Namespace(
        strategies=('class_center', 'random'), epoch_rounds=1, device='cpu', work_dir=tmp_path
    )
    text, found = benchmark_losses.epoch_table(args)
    # m (d_S + d_T): two copies of the landmarks and the sums; or the pool, which holds 1024 pairs.
    size = 100 * (128 + 256)
    assert found['state_bytes']['class_center'] < 12 * size + 4096
    assert found['state_bytes']['random'] == pytest.approx(4 * 1024 * (128 + 256), rel=0.02)
    assert '| class_center ' in text


def test_ratios_are_medians_of_rounds(monkeypatch):
    times = iter([1.0, 9.0, 1.0, 9.0, 1.0, 2.0, 1.0, 3.0, 2.0, 20.0])
    monkeypatch.setattr(benchmark_losses, '_time', lambda step, device: next(times))
    steps = dict(unit=None, other=None)
    assert benchmark_losses.rounds_of(steps, 3, 'cpu', 'unit') == dict(unit=1.0, other=3.0)


def test_the_bare_products_have_the_shapes_of_a_step():
    steps = dict(benchmark_losses.loss_steps(16, 32, 5, 'cpu'))
    assert steps['three matrix products']().shape == torch.Size([16, 32])
