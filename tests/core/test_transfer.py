"""Kernel transfer against the two Gram matrices written out."""

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import linear_kernel

from mmnystrom.core.transfer import kernel_transfer


@pytest.mark.parametrize('noise', [0.0, 1e-4, 0.3, 3.0])
def test_against_the_gram_matrices(noise):
    rng = np.random.default_rng(0)
    teacher = rng.standard_normal((60, 12))
    student = teacher @ np.linalg.qr(rng.standard_normal((12, 12)))[0]
    student = student + noise * rng.standard_normal(student.shape)
    k_s, k_t = linear_kernel(student), linear_kernel(teacher)
    expected = np.linalg.norm(k_s - k_t) / np.linalg.norm(k_t)
    value = kernel_transfer(torch.from_numpy(student), torch.from_numpy(teacher))
    assert value == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_bad_input():
    with pytest.raises(ValueError, match='3 rows and t_feature 4'):
        kernel_transfer(torch.ones(3, 2), torch.ones(4, 2))
    with pytest.raises(ValueError, match='zeros or NaN'):
        kernel_transfer(torch.ones(3, 2), torch.zeros(3, 2))
