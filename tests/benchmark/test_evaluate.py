"""Evaluation of a real run: features as a plain forward gives them, and what contradicts its log."""

import math

import numpy as np
import pytest
import torch
from support import kda_config, train

from mmnystrom.benchmark import evaluate
from mmnystrom.benchmark.errors import ResultError
from mmnystrom.benchmark.plan import Method, Run
from mmnystrom.benchmark.result import LAYERS, Result, top1
from mmnystrom.benchmark.run_folder import RunFolder


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A finished run; its features and labels."""
    folder = tmp_path_factory.mktemp('run')
    cfg = kda_config(folder, epochs=1, log_level='INFO')
    train(cfg)
    cfg.dump(folder / 'config.py')
    run = Run('KDA', 0, Method(folder / 'config.py', distilled=True), RunFolder(folder))
    runner = evaluate.load_run(run, folder)
    return run, runner, evaluate.features(runner)


def test_features_are_those_of_a_plain_forward(run):
    _, runner, (found, labels) = run
    student = runner.model.student
    images = torch.stack([runner.test_dataloader.dataset[i]['inputs'] for i in range(len(labels))])
    with torch.no_grad():
        pooled = student.backbone((images.float() - 78.5) / 96.2)[-1].mean((2, 3))
    torch.testing.assert_close(found['pre-FC'], pooled)
    torch.testing.assert_close(found['post-FC'], student.head.fc(pooled).detach())


def test_a_result_against_numpy(run):
    finished, runner, (found, labels) = run
    teacher, _ = evaluate.features(runner, 'teacher')
    result = Result()
    result.add(finished, found, labels, teacher)
    assert result.seeds == [0] and result.diverged == []
    assert result.top1 == [pytest.approx(finished.folder.logged()[-1], abs=0.01)]
    s, t = (x['pre-FC'].double().numpy() for x in (found, teacher))
    expected = np.linalg.norm(s @ s.T - t @ t.T) / np.linalg.norm(t @ t.T)
    assert result.transfer['pre-FC'] == [pytest.approx(expected, rel=1e-6)]
    s, t = s - s.mean(0), t - t.mean(0)
    cka = np.linalg.norm(s.T @ t) ** 2 / np.linalg.norm(s.T @ s) / np.linalg.norm(t.T @ t)
    assert result.cka['pre-FC'] == [pytest.approx(cka, rel=1e-6)]


def test_a_log_that_says_something_else(run, monkeypatch):
    finished, _, (found, labels) = run
    monkeypatch.setattr(RunFolder, 'logged', lambda self: [50.0, 151.0])
    with pytest.raises(ResultError, match=r'KDA, seed 0: .* its run logged 151\.00'):
        Result().add(finished, found, labels, None)


def test_what_is_not_a_number_is_wrong_and_diverged(run, monkeypatch):
    logits = torch.tensor([[1.0, 0.0], [math.nan, 0.0], [0.0, 1.0]])
    labels = torch.tensor([0, 0, 0])
    assert top1(logits, labels) == pytest.approx(100 / 3)
    monkeypatch.setattr(RunFolder, 'logged', lambda self: [50.0, 100 / 3])
    result = Result()
    found = dict.fromkeys(LAYERS, logits)
    result.add(run[0], found, labels, found)
    assert result.diverged == [0] and result.transfer['pre-FC'] == [] and result.best == [50.0]
