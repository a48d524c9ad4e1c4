"""What a batch tells of the CKA of a data set, on features whose CKA numpy gives."""

import numpy as np
import pytest
import torch

from mmnystrom.benchmark.can_it_hurt import cka_estimates


def test_landmarks_from_the_data_have_no_bias_and_the_batch_has():
    rng = np.random.default_rng(0)
    labels = np.arange(700) % 5
    shared = 2 * rng.standard_normal((5, 40))[labels] + rng.standard_normal((700, 40))
    student, teacher = (
        shared @ rng.standard_normal((40, 60)) + 12 * rng.standard_normal((700, 60)) for _ in range(2)
    )
    s, t = student - student.mean(0), teacher - teacher.mean(0)
    true = np.linalg.norm(s.T @ t) ** 2 / np.linalg.norm(s.T @ s) / np.linalg.norm(t.T @ t)
    tensors = [torch.from_numpy(x).float() for x in (student, teacher)]
    found = cka_estimates.estimates(*tensors, torch.from_numpy(labels), 12)
    mean = {name: {size: np.mean(v) for size, v in x.items()} for name, x in found.items()}
    assert mean['the batch alone'][32] > true + 0.05
    assert mean['the batch alone'][32] > mean['the batch alone'][256] > true
    for size in cka_estimates.BATCHES:
        assert mean['500 at random'][size] == pytest.approx(true, abs=0.04)
    for name in ('class centres', '100 of k-means', '500 at random'):
        whole = mean[name]['all images']
        assert all(mean[name][size] == pytest.approx(whole, abs=0.04) for size in cka_estimates.BATCHES)
