"""The losses of others that are a choice of arguments, against their papers' formulas in numpy."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity, rbf_kernel

from mmnystrom.core.loss import PRESETS, KernelTransferLoss


def draw(seed, n=16, d_s=6, d_t=9):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d_s)), rng.standard_normal((n, d_t))


def sp(s, t):
    """Tung and Mori: ||G~_S - G~_T||_F^2 / b^2, G~ the Gram matrix with rows of unit length."""
    rows = [x @ x.T for x in (s, t)]
    rows = [g / np.linalg.norm(g, axis=1, keepdims=True) for g in rows]
    return ((rows[0] - rows[1]) ** 2).sum() / len(s) ** 2


def cc(s, t):
    """Peng et al.: ||K_S - K_T||_F^2 / n^2, Gaussian kernel of features of unit length, gamma 0.4."""
    grams = [rbf_kernel(x / np.linalg.norm(x, axis=1, keepdims=True), gamma=0.4) for x in (s, t)]
    return ((grams[0] - grams[1]) ** 2).mean()


def cc_by_taylor_series(s, t, order=20):
    """The paper's own expansion: sum over p of exp(-2 gamma) (2 gamma)^p / p! (x.y)^p."""
    grams = []
    for x in (s, t):
        products = cosine_similarity(x)
        terms = [np.exp(-0.8) * 0.8**p / math.factorial(p) * products**p for p in range(order)]
        grams.append(sum(terms))
    return ((grams[0] - grams[1]) ** 2).mean()


def cka(s, t):
    """Kornblith et al.: 1 - HSIC(K_S, K_T) / sqrt(HSIC(K_S, K_S) HSIC(K_T, K_T))."""
    n = len(s)
    h = np.eye(n) - 1 / n
    k, l = s @ s.T, t @ t.T  # noqa: E741
    hsic = lambda a, b: np.trace(a @ h @ b @ h) / (n - 1) ** 2  # noqa: E731
    return 1 - hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def pkt(s, t, eps=1e-7):
    """Passalis and Tefas: cosines to [0, 1], rows to probabilities, the mean of t log(t / s)."""
    shares = []
    for x in (s, t):
        similar = (cosine_similarity(x) + 1) / 2
        shares.append(similar / similar.sum(1, keepdims=True))
    return (shares[1] * np.log((shares[1] + eps) / (shares[0] + eps))).mean()


ORACLES = dict(sp=sp, cc=cc, cka=cka, pkt=pkt)


@pytest.mark.parametrize('preset', ORACLES)
def test_presets_are_the_losses_of_their_papers(preset):
    s, t = draw(3)
    loss = KernelTransferLoss(preset=preset)
    found = loss(torch.from_numpy(s), torch.from_numpy(t))
    assert found.item() == pytest.approx(ORACLES[preset](s, t), rel=1e-9)
    assert torch.autograd.gradcheck(
        lambda s: loss(s, torch.from_numpy(t)), torch.from_numpy(s).requires_grad_()
    )


def test_every_preset_has_an_oracle():
    against_landmarks = {'landmark_cka', 'nystrom_correlation'}  # test_centering.py
    assert {*ORACLES, *against_landmarks} == set(PRESETS)


def test_correlation_congruence_is_the_limit_of_its_taylor_series():
    s, t = draw(3)
    assert cc(s, t) == pytest.approx(cc_by_taylor_series(s, t), rel=1e-5)


def test_arguments_beside_a_preset_replace_its_own():
    loss = KernelTransferLoss(preset='cc', kernel=dict(type='rbf', gamma=2.0))
    assert loss.kernel.gamma == 2.0
    assert loss.form.normalize_features


def test_batch_form_centres_and_normalizes():
    s, _ = draw(1)
    h = np.eye(16) - 1 / 16
    gram = h @ s @ s.T @ h
    for arguments, expected in (
        (dict(center=True), gram),
        (
            dict(center=True, normalize_rows=True),
            gram / np.linalg.norm(gram, axis=1, keepdims=True),
        ),
        (dict(), s @ s.T),
        (dict(normalize_features=True), cosine_similarity(s)),
    ):
        loss = KernelTransferLoss(form=dict(type='batch', **arguments))
        found = loss.feature_maps()[0](loss.form.prepare(torch.from_numpy(s)))
        np.testing.assert_allclose(found, expected, atol=1e-12)
