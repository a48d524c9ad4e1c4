"""One battery that every kernel of the table passes, against scikit-learn."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from sklearn.metrics import pairwise
from sklearn.svm import SVC

from mmnystrom.core.kernels import KERNELS, build_kernel

#: Specs to try, and scikit-learn's function of the same name and parameters.
CASES = [
    ('linear', 'linear'),
    ('cosine', 'cosine'),
    ('polynomial', 'polynomial'),
    (dict(type='polynomial', degree=2, gamma=0.3, coef0=0.5), 'polynomial'),
    (dict(type='polynomial', degree=1, coef0=0), 'polynomial'),
    ('rbf', 'rbf'),
    (dict(type='rbf', gamma=0.07), 'rbf'),
    ('laplacian', 'laplacian'),
    (dict(type='laplacian', gamma=0.2), 'laplacian'),
]
IDS = [str(spec) for spec, _ in CASES]


def parameters(spec):
    return {} if isinstance(spec, str) else {k: v for k, v in spec.items() if k != 'type'}


def draw(n=7, m=4, d=5, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.standard_normal((n, d))), torch.from_numpy(rng.standard_normal((m, d)))


def test_every_kernel_is_tried():
    assert {name for _, name in CASES} == set(KERNELS)


@pytest.mark.parametrize(('spec', 'name'), CASES, ids=IDS)
@pytest.mark.parametrize('offset', [0.0, 1000.0])
def test_values(spec, name, offset):
    x, y = (rows + offset for rows in draw())
    expected = pairwise.pairwise_kernels(x, y, metric=name, **parameters(spec))
    # So far from the origin it is scikit-learn's distances that lose digits.
    rtol = 1e-6 if offset else 1e-12
    np.testing.assert_allclose(build_kernel(spec)(x, y), expected, rtol=rtol)


@pytest.mark.parametrize(('spec', 'name'), CASES, ids=IDS)
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
def test_less_than_double_is_computed_in_float32(spec, name, dtype):
    x, y = (rows.to(dtype) for rows in draw(d=64))
    expected = pairwise.pairwise_kernels(x.double(), y.double(), metric=name, **parameters(spec))
    for autocast in (False, True):
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
            found = build_kernel(spec)(x, y)
        assert found.dtype == torch.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize('spec', [spec for spec, _ in CASES], ids=IDS)
def test_gram_matrix_is_symmetric_and_positive_semi_definite(spec):
    x = draw(n=20)[0]
    x[3] = x[4]  # a copy
    x[5] = 0
    gram = build_kernel(spec)(x, x)
    torch.testing.assert_close(gram, gram.T)
    assert torch.linalg.eigvalsh(gram).min() > -1e-10 * gram.abs().max()


@pytest.mark.parametrize('spec', [spec for spec, _ in CASES], ids=IDS)
def test_gradients(spec):
    x, y = (rows.requires_grad_() for rows in draw())
    assert torch.autograd.gradcheck(build_kernel(spec), (x, y))


@pytest.mark.parametrize('spec', [spec for spec, _ in CASES], ids=IDS)
def test_gradients_are_finite_where_rows_are_equal_or_zero(spec):
    x = torch.ones(3, 4)
    x[0] = 0
    x.requires_grad_()
    build_kernel(spec)(x, x.detach()).sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize('spec', [spec for spec, _ in CASES], ids=IDS)
def test_explicit_means_that_the_map_gives_the_kernel(spec):
    kernel = build_kernel(spec)
    x, y = draw()
    if kernel.explicit:
        torch.testing.assert_close(kernel.map(x) @ kernel.map(y).T, kernel(x, y))
    else:
        with pytest.raises(NotImplementedError, match='no explicit feature map'):
            kernel.map(x)


def test_median_heuristic():
    rows, other = draw(n=12)
    rbf = build_kernel(dict(type='rbf', gamma='median')).fit(rows)
    assert rbf.gamma == pytest.approx(1 / (2 * np.median(pdist(rows)) ** 2))
    laplacian = build_kernel(dict(type='laplacian', gamma='median')).fit(rows)
    assert laplacian.gamma == pytest.approx(1 / np.median(pdist(rows, 'cityblock')))
    np.testing.assert_allclose(
        rbf(rows, other), pairwise.rbf_kernel(rows, other, gamma=rbf.gamma), rtol=1e-9
    )


@pytest.mark.parametrize('name', ['rbf', 'laplacian', 'polynomial'])
def test_scale_is_that_of_scikit_learn(name):
    rows = draw(n=12)[0]
    svc = SVC(gamma='scale').fit(rows, np.arange(12) % 2)
    assert build_kernel(dict(type=name, gamma='scale')).fit(rows).gamma == pytest.approx(svc._gamma)


def test_the_scale_of_a_linear_kernel_is_the_mean_self_similarity():
    rows, other = draw(n=12)
    kernel = build_kernel(dict(type='linear', scale='landmarks')).fit(rows)
    gram = pairwise.linear_kernel(rows, rows)
    assert kernel.scale == pytest.approx(np.trace(gram) / 12)
    np.testing.assert_allclose(kernel(rows, other), (rows @ other.T) / kernel.scale, rtol=1e-12)
    assert np.trace(kernel(rows, rows)) == pytest.approx(12)
    assert build_kernel(dict(type='linear', scale='landmarks')).fit(torch.zeros(3, 2)).scale == 1
    assert build_kernel(dict(type='linear', scale=4.0))(rows, rows)[0, 0] == pytest.approx(gram[0, 0] / 4)
    with pytest.raises(RuntimeError, match="scale='landmarks' is found from landmarks"):
        build_kernel(dict(type='linear', scale='landmarks'))(rows, rows)


@pytest.mark.parametrize('rule', ['median', 'scale'])
@pytest.mark.parametrize('name', ['rbf', 'laplacian'])
def test_gamma_of_copies_and_constants(name, rule):
    kernel = build_kernel(dict(type=name, gamma=rule))
    assert kernel.fit(torch.full((5, 3), 0.1)).gamma == 1 or rule == 'median'
    assert kernel.fit(torch.tensor([[0.1, 0.7]]).repeat(5, 1)).gamma == pytest.approx(
        1 if rule == 'median' else 1 / (2 * 0.09)
    )
    mostly_equal = torch.zeros(6, 2)
    mostly_equal[0] = 3.0
    gamma = kernel.fit(mostly_equal).gamma
    assert 0 < gamma < 10
    assert kernel.fit(torch.ones(1, 2)).gamma == 1


def test_median_of_many_rows_is_that_of_some(monkeypatch):
    rows = torch.from_numpy(np.random.default_rng(0).standard_normal((90, 4)))
    whole = build_kernel(dict(type='rbf', gamma='median')).fit(rows).gamma
    monkeypatch.setattr('mmnystrom.core.kernels.MEDIAN_ROWS', 30)
    some = build_kernel(dict(type='rbf', gamma='median')).fit(rows).gamma
    chosen = rows[np.rint(np.linspace(0, 89, 30)).astype(int)]
    assert some == pytest.approx(1 / (2 * np.median(pdist(chosen)) ** 2), rel=1e-6)
    assert some != whole and some == pytest.approx(whole, rel=0.3)


def test_fit_leaves_a_number_alone():
    kernel = build_kernel(dict(type='rbf', gamma=2.0))
    assert kernel.fit(torch.randn(4, 3)) is kernel
    with pytest.raises(RuntimeError, match="gamma='median' is found from landmarks"):
        build_kernel(dict(type='rbf', gamma='median'))(torch.ones(1, 2), torch.ones(1, 2))


@pytest.mark.parametrize(
    ('spec', 'error', 'words'),
    [
        ('rbff', ValueError, r"kernel='rbff' is unknown: write one of \['cosine', 'laplacian'"),
        (dict(type='gauss'), ValueError, 'is unknown'),
        (dict(gamma=1.0), ValueError, 'is unknown'),
        (3, TypeError, 'kernel=3 must be a name or a dict'),
        (dict(type='linear', gamma=1.0), TypeError, r'gamma.*It takes linear\(scale=None\)'),
        (dict(type='linear', scale=0), ValueError, "scale=0 must be .* > 0: or write 'landmarks'"),
        (dict(type='linear', scale='median'), ValueError, "scale='median' is unknown"),
        (dict(type='rbf', gamma=-1), ValueError, 'kernel: gamma=-1 must be .* > 0.*median'),
        (dict(type='rbf', gamma=0), ValueError, 'gamma=0'),
        (dict(type='rbf', gamma=float('nan')), ValueError, 'gamma=nan'),
        (dict(type='rbf', gamma=float('inf')), ValueError, 'gamma=inf'),
        (dict(type='rbf', gamma=True), ValueError, 'gamma=True'),
        (dict(type='rbf', gamma='auto'), ValueError, r"gamma='auto'.*\['median', 'scale'\]"),
        (dict(type='laplacian', gamma=-0.1), ValueError, 'gamma=-0.1'),
        (dict(type='polynomial', gamma='median'), ValueError, r"gamma='median'.*\['scale'\]"),
        (dict(type='polynomial', degree=0), ValueError, 'degree=0 must be an integer >= 1'),
        (dict(type='polynomial', degree=2.5), ValueError, 'degree=2.5'),
        (dict(type='polynomial', coef0=-1), ValueError, 'coef0=-1.*no positive kernel'),
    ],
)
def test_nonsense_is_refused(spec, error, words):
    with pytest.raises(error, match=words):
        build_kernel(spec)


@pytest.mark.parametrize('shapes', [((3,), (2, 3)), ((3, 2), (2, 3)), ((3, 2, 1), (3, 2, 1))])
def test_shapes_that_do_not_fit(shapes):
    with pytest.raises(ValueError, match=r'takes x \(N, d\) and y \(M, d\), got'):
        build_kernel('linear')(*(torch.zeros(shape) for shape in shapes))
