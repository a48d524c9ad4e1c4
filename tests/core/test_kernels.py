"""Every kernel of the table."""

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise

from mmnystrom.core.kernels import KERNELS, build_kernel

ORACLES = {'linear': pairwise.linear_kernel}


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.standard_normal((7, 5))), torch.from_numpy(rng.standard_normal((4, 5)))


def test_every_kernel_has_an_oracle():
    assert set(KERNELS) == set(ORACLES)


@pytest.mark.parametrize('name', KERNELS)
def test_values(name, rows):
    x, y = rows
    np.testing.assert_allclose(build_kernel(name)(x, y), ORACLES[name](x, y), rtol=1e-12)


@pytest.mark.parametrize('name', KERNELS)
def test_gram_matrix_is_symmetric_and_positive_semi_definite(name, rows):
    gram = build_kernel(name)(rows[0], rows[0])
    torch.testing.assert_close(gram, gram.T)
    assert torch.linalg.eigvalsh(gram).min() > -1e-10


@pytest.mark.parametrize('name', KERNELS)
def test_gradients(name, rows):
    x, y = (row.clone().requires_grad_() for row in rows)
    assert torch.autograd.gradcheck(build_kernel(name), (x, y))


def test_unknown():
    with pytest.raises(ValueError, match=r"kernel='rbff' is unknown: write one of \['linear'"):
        build_kernel('rbff')
