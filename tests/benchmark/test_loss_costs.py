"""The costs of the losses are measured; the figures are for reading, not for testing."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import mmnystrom.core
from mmnystrom.benchmark import loss_costs, loss_history, timing
from mmnystrom.core import FORMS, KERNELS, PRESETS


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(timing, 'seconds_of', lambda step, *args: (step(), 1.0)[1])


def test_every_loss_takes_its_step():
    text, ratios = loss_costs.loss_table(((16, 32, 5),), 1, 'cpu')
    for form in FORMS:
        assert any(form in name for name in ratios)
    for name in (*KERNELS, *PRESETS, *loss_costs.STRATEGIES):
        assert any(name in row for row in ratios)
    assert sum('mmrazor' in name for name in ratios) >= 10
    assert '(N, d, m) = (16, 32, 5)' in text


def test_two_checkouts_take_turns(tmp_path):
    """The other one is a copy of this one, whose losses are told from ours."""
    other = tmp_path / 'other/mmnystrom'
    shutil.copytree(Path(mmnystrom.__file__).parent / 'core', other / 'core')
    (other / 'core/__init__.py').open('a').write('BEFORE = True\n')
    table, ratios = loss_history.history_table(other.parent, ((16, 32, 5),), 1, 'cpu')
    assert all(pair == {'16x32x5': [1.0, 1.0]} for pair in ratios.values())
    assert '| partial, linear, collecting for class_center | 1.00 -> 1.00' in table
    core = loss_history.core_of(other.parent)
    assert core.BEFORE and not hasattr(mmnystrom.core, 'BEFORE')
    assert not issubclass(core.KernelTransferLoss, mmnystrom.core.KernelTransferLoss)
    with pytest.raises(ValueError, match='is no checkout of mmnystrom'):
        loss_costs.loss_costs(rounds=1, epoch_rounds=0, before=tmp_path)


def test_what_goes_on_in_an_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(loss_costs, 'IMAGES', 4 * 256)
    monkeypatch.setattr(loss_costs, 'BATCH', 8)
    text, found = loss_costs.epoch_table(('class_center', 'random'), 1, 'cpu', tmp_path)
    # m (d_S + d_T): two copies of the landmarks and the sums; or the pool, which holds 1024 pairs.
    size = 100 * (128 + 256)
    assert found['state_bytes']['class_center'] < 12 * size + 4096
    assert found['state_bytes']['random'] == pytest.approx(4 * 1024 * (128 + 256), rel=0.02)
    assert '| class_center ' in text


def test_the_bare_products_have_the_shapes_of_a_step():
    steps = dict(loss_costs.LossSteps(16, 32, 5, 'cpu'))
    assert steps['three matrix products']().shape == torch.Size([16, 32])


def test_figures_are_written_with_their_provenance(tmp_path, monkeypatch):
    monkeypatch.setattr(loss_costs, 'SHAPES', ((16, 32, 5),))
    text = loss_costs.loss_costs(rounds=1, epoch_rounds=0, out=tmp_path / 'found.json')
    found = json.loads((tmp_path / 'found.json').read_text())
    assert 'In multiples of three bare matrix products, on cpu' in text
    assert found['losses']["the authors' three lines"] == {'16x32x5': 1.0}
    assert found['versions']['torch'] == torch.__version__ and 'epoch' not in found
