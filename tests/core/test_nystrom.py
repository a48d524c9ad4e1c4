"""The root of the landmarks' kernel matrix, against scikit-learn and numpy."""

import numpy as np
import pytest
import torch
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics import pairwise

from mmnystrom.core import nystrom
from mmnystrom.core.forms import build_form
from mmnystrom.core.kernels import KERNELS, build_kernel
from mmnystrom.core.nystrom import KernelMatrixError, inverse_root


def psd(values, seed=0):
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values),) * 2))[0]
    return torch.from_numpy(basis * values @ basis.T)


def kept(root):
    return int((torch.linalg.eigvalsh(root) > 1e-9).sum())


def test_root_of_the_pseudo_inverse():
    gram = psd([4.0, 1.0, 0.25, 0.0, 0.0])
    root = inverse_root(gram)
    torch.testing.assert_close(root, root.T)
    assert torch.linalg.eigvalsh(root).min() > -1e-12
    np.testing.assert_allclose(root @ root, np.linalg.pinv(gram, hermitian=True, rcond=1e-9), atol=1e-9)


@pytest.mark.parametrize(
    ('rank', 'expected'),
    [(None, 4), (1, 1), (3, 3), (9, 4), (0.4, 1), (0.6, 2), (0.79, 2), (0.81, 3), (0.96, 4), (1.0, 4)],
)
def test_rank(rank, expected):
    """Eigenvalues 5, 3, 1.5, 0.5: shares 0.5, 0.8, 0.95, 1."""
    assert kept(inverse_root(psd([5.0, 3.0, 1.5, 0.5]), rank)) == expected


def test_threshold_is_relative():
    gram = psd([1.0, 1e-3, 1e-8])
    assert [kept(inverse_root(scale * gram)) for scale in (1e-6, 1.0, 1e6)] == [2, 2, 2]
    assert kept(inverse_root(gram, threshold=1e-2)) == 1
    assert kept(inverse_root(gram, threshold=1e-12)) == 3


def test_a_matrix_of_zeros_has_the_root_zero():
    assert not inverse_root(torch.zeros(3, 3)).any()


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_what_is_not_finite_gets_a_typed_error(bad):
    gram = torch.eye(4)
    gram[1, 2] = bad
    with pytest.raises(KernelMatrixError, match='1 of the 16 entries .* 4 landmarks'):
        inverse_root(gram)


def test_a_negative_eigenvalue_is_dropped_with_a_warning():
    with pytest.warns(RuntimeWarning, match='negative eigenvalue, -0.5 beside 2'):
        root = inverse_root(psd([2.0, -0.5]))
    assert kept(root) == 1


@pytest.mark.parametrize('failures', [1, 3, 4])
def test_jitter(monkeypatch, failures):
    """LAPACK fails as often as asked; the rest is real."""
    real, calls = torch.linalg.eigh, []

    def eigh(gram):
        calls.append(gram)
        if len(calls) <= failures:
            raise torch.linalg.LinAlgError('the algorithm failed to converge')
        return real(gram)

    monkeypatch.setattr(torch.linalg, 'eigh', eigh)
    gram = psd([4.0, 1.0])
    if failures == 4:
        with pytest.raises(KernelMatrixError, match='do not converge, even with 2.5e-06'):
            inverse_root(gram)
    else:
        with pytest.warns(RuntimeWarning, match='converged only with'):
            root = inverse_root(gram)
        np.testing.assert_allclose(root @ root, torch.linalg.inv(gram), rtol=1e-5)
        added = (calls[-1] - gram).diagonal()
        np.testing.assert_allclose(added, nystrom.JITTERS[failures - 1] * 2.5, rtol=1e-3)


@pytest.mark.parametrize('rank', [0, -1, 0.0, 1.5, -0.1, True, 'half', float('nan')])
def test_rank_that_means_nothing(rank):
    for refuse in (
        lambda: inverse_root(torch.eye(2), rank),
        lambda: build_form(dict(type='nystrom', rank=rank)),
    ):
        with pytest.raises(ValueError, match='rank='):
            refuse()


@pytest.mark.parametrize('threshold', [-1e-3, 1, 2.0, None])
def test_threshold_that_means_nothing(threshold):
    with pytest.raises(ValueError, match='threshold='):
        inverse_root(torch.eye(2), threshold=threshold)


def features(n=60, d=9, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, d)))


def factor(kernel, x, landmarks, **arguments):
    """F = C (W_k^+)^{1/2}, as the form makes it."""
    return build_form(dict(type='nystrom', **arguments)).fit(kernel, landmarks)(x)


@pytest.mark.parametrize('name', KERNELS)
def test_exact_when_the_landmarks_are_the_samples(name):
    """In the float32 of training."""
    x, kernel = features().float(), build_kernel(name)
    f, gram = factor(kernel, x, x), kernel(x, x)
    assert (f @ f.T - gram).norm() / gram.norm() < 1e-4


@pytest.mark.parametrize('name', KERNELS)
def test_error_never_rises_with_more_landmarks(name):
    x, kernel = features(), build_kernel(name)
    gram = kernel(x, x)
    errors = []
    for m in range(1, 61):
        f = factor(kernel, x, x[:m], threshold=1e-12)
        errors.append(((gram - f @ f.T).norm() / gram.norm()).item())
    assert errors[0] > 0.05
    assert all(b <= a + 1e-9 for a, b in zip(errors, errors[1:], strict=False))
    assert errors[-1] < 1e-6


@pytest.mark.parametrize('name', KERNELS)
def test_equals_scikit_learn(name):
    """Nystroem for the same landmarks."""
    x = features()
    theirs = Nystroem(kernel=name, n_components=15, random_state=0).fit(x)
    landmarks = torch.from_numpy(theirs.components_)
    ours = factor(build_kernel(name), x, landmarks, threshold=1e-12)
    np.testing.assert_allclose(ours, theirs.transform(x), atol=1e-6)


@pytest.mark.parametrize('kernel', ['linear', 'cosine'])
@pytest.mark.parametrize('center', [False, True])
@pytest.mark.parametrize('rank', [None, 4, 30, 0.8])
def test_more_landmarks_than_dimensions_take_the_smaller_matrix(monkeypatch, kernel, center, rank):
    """(m, d) = (40, 9): the root of a 9 x 9 matrix, and the factor of the 40 x 40 one."""
    x, landmarks, kernel = features(), features(40, seed=1) + 1, build_kernel(kernel)
    sizes = []
    real = nystrom.inverse_root

    def inverse(gram, *args, **kwargs):
        sizes.append(len(gram))
        return real(gram, *args, **kwargs)

    monkeypatch.setattr('mmnystrom.core.forms.inverse_root', inverse)
    found = factor(kernel, x, landmarks, rank=rank, center='landmarks' if center else False)
    assert sizes == [9]
    c, w = kernel(x, landmarks).numpy(), kernel(landmarks, landmarks).numpy()
    if center:
        h = np.eye(40) - 1 / 40
        c, w = c @ h, h @ w @ h
    values, vectors = np.linalg.eigh(w)
    keep = values > 1e-6 * values[-1]
    if isinstance(rank, int):
        keep[: 40 - rank] = False
    elif rank is not None:
        tail = np.cumsum(values[::-1].clip(0)) - values[::-1].clip(0)
        keep &= (tail < rank * values.clip(0).sum())[::-1]
    expected = c @ (vectors[:, keep] / np.sqrt(values[keep])) @ vectors[:, keep].T
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_folded_into_the_landmarks_for_the_linear_kernel():
    """Against the formula in numpy; and a step costs a product of (N, d) and (d, m), no more."""
    x, landmarks = features(), features(m := 6, seed=1)
    rows = build_form('nystrom').fit(build_kernel('linear'), landmarks)
    assert rows.root is None
    assert rows.landmarks.shape == (m, 9)
    w, v = np.linalg.eigh(pairwise.linear_kernel(landmarks))
    expected = x.numpy() @ landmarks.numpy().T @ (v / np.sqrt(w) @ v.T)
    np.testing.assert_allclose(rows(x), expected, atol=1e-10)
