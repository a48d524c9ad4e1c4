"""How much of the kernel arrived, against the n x n matrices written out in numpy."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics import pairwise

from mmnystrom.core.kernels import KERNELS, build_kernel
from mmnystrom.core.measure import kernel_transfer, measure

SPECS = dict.fromkeys(KERNELS)
SPECS = {name: dict(type=name) for name in KERNELS}
SPECS['rbf'] = dict(type='rbf', gamma=0.05)


def metric(name, x, y):
    parameters = {key: value for key, value in SPECS[name].items() if key != 'type'}
    return pairwise.pairwise_kernels(x, y, metric=name, **parameters)


def draw(n=150, m=12, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    t = rng.standard_normal((n, 8))
    s = t @ rng.standard_normal((8, 5)) / 2 + noise * rng.standard_normal((n, 5))
    return s, t, s[:m] + 0.1, t[:m] + 0.1


def written_out(name, s, t, s_landmarks, t_landmarks):
    """Every figure from its definition; ranks and thresholds as numpy's pinv has them."""
    n = len(s)
    h = np.eye(n) - 1 / n
    k = [metric(name, x, x) for x in (s, t)]
    c = [metric(name, x, y) for x, y in ((s, s_landmarks), (t, t_landmarks))]
    inverse = [
        np.linalg.pinv(metric(name, y, y), hermitian=True, rcond=1e-6) for y in (s_landmarks, t_landmarks)
    ]
    roots = []
    for w in inverse:
        values, vectors = np.linalg.eigh(w)
        roots.append(vectors * np.sqrt(values.clip(0)) @ vectors.T)
    f = [a @ b for a, b in zip(c, roots, strict=True)]
    norm, spectral = np.linalg.norm, lambda a: np.linalg.norm(a, 2)
    error = [norm(a - b @ w @ b.T) for a, b, w in zip(k, c, inverse, strict=True)]
    centred = [h @ a @ h for a in k]
    first = (spectral(f[0]) + spectral(f[1])) * norm(f[0] - f[1])
    second = (spectral(c[0] @ inverse[0]) + spectral(c[1] @ inverse[1])) * norm(c[0] - c[1])
    second += norm(c[1] @ (inverse[0] - inverse[1]) @ c[0].T)
    return dict(
        transfer=norm(k[0] - k[1]) / norm(k[1]),
        cka=(centred[0] * centred[1]).sum() / norm(centred[0]) / norm(centred[1]),
        nystrom_error_student=error[0] / norm(k[0]),
        nystrom_error_teacher=error[1] / norm(k[1]),
        bound_nystrom=(sum(error) + first) / norm(k[1]),
        bound_partial=(sum(error) + second) / norm(k[1]),
    )


@pytest.mark.parametrize('tile', [7, 50, 1000])
@pytest.mark.parametrize('name', KERNELS)
def test_every_figure(name, tile):
    arrays = draw()
    kernel = build_kernel(SPECS[name])
    s, t, *landmarks = map(torch.from_numpy, arrays)
    found = measure(s, t, (kernel, kernel), landmarks, tile=tile)
    expected = written_out(name, *arrays)
    assert set(found) == set(expected)
    for figure, value in expected.items():
        assert found[figure] == pytest.approx(value, rel=1e-6, abs=1e-9), figure
    without = measure(s, t, (kernel, kernel), tile=tile)
    assert without == pytest.approx({k: expected[k] for k in ('transfer', 'cka')}, rel=1e-6)


@pytest.mark.parametrize('noise', [0.0, 0.3, 3.0])
@pytest.mark.parametrize('name', KERNELS)
@pytest.mark.parametrize('rank', [None, 3, 0.9])
def test_the_bounds_hold(name, noise, rank):
    s, t, *landmarks = map(torch.from_numpy, draw(noise=noise))
    kernel = build_kernel(SPECS[name])
    found = measure(s, t, (kernel, kernel), landmarks, rank)
    assert found['bound_nystrom'] >= found['transfer']
    assert found['bound_partial'] >= found['transfer']


@pytest.mark.parametrize('name', KERNELS)
def test_a_student_that_is_the_teacher(name):
    _, t, _, landmarks = map(torch.from_numpy, draw())
    kernel = build_kernel(SPECS[name])
    found = measure(t, t, (kernel, kernel), (landmarks, landmarks))
    assert found['transfer'] < 1e-7
    assert found['cka'] == pytest.approx(1)
    # Nothing but the two Nystrom errors is left of the bounds.
    errors = found['nystrom_error_student'] + found['nystrom_error_teacher']
    assert found['bound_nystrom'] == pytest.approx(errors, abs=1e-6)
    assert found['bound_partial'] == pytest.approx(errors, abs=1e-6)


@pytest.mark.parametrize('name', KERNELS)
def test_nystrom_error_is_that_of_scikit_learn(name):
    _, t, *_ = draw()
    parameters = {key: value for key, value in SPECS[name].items() if key != 'type'}
    theirs = Nystroem(name, n_components=9, random_state=0, **parameters).fit(t)
    f, gram = theirs.transform(t), metric(name, t, t)
    rows = torch.from_numpy(theirs.components_)
    kernel = build_kernel(SPECS[name])
    t = torch.from_numpy(t)
    found = measure(t, t, (kernel, kernel), (rows, rows), threshold=1e-12)
    expected = np.linalg.norm(gram - f @ f.T) / np.linalg.norm(gram)
    assert found['nystrom_error_teacher'] == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize('name', ['linear', 'rbf'])
def test_no_matrix_of_all_pairs(name):
    """10,000 images: the pairs would take 800 MB. numpy's buffers are traced, torch's are not, so the
    largest tensor made on the way is looked at."""
    largest = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                largest.append(out.numel())
            return out

    torch.manual_seed(0)
    s, t = torch.randn(3000, 4), torch.randn(3000, 6)
    kernel = build_kernel(SPECS[name])
    tracemalloc.start()
    with Watch():
        measure(s, t, (kernel, kernel), (s[:10], t[:10]), tile=500)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()
    assert max(largest) <= max(500**2, 3000 * 6)


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_features_that_are_not_finite(bad):
    s, t, *landmarks = map(torch.from_numpy, draw())
    s[3, 1] = bad
    found = measure(s, t, landmarks=landmarks)
    assert len(found) == 6
    assert all(math.isnan(value) for value in found.values())


def test_half_precision_features_are_measured_in_double():
    s, t, *_ = draw()
    halves = [torch.from_numpy(x).half() for x in (s, t)]
    expected = written_out('linear', *(x.double().numpy() for x in halves), s[:5], t[:5])
    assert measure(*halves)['transfer'] == pytest.approx(expected['transfer'], rel=1e-9)


@pytest.mark.parametrize('noise', [0.0, 1e-4, 0.3, 3.0])
def test_kernel_transfer(noise):
    rng = np.random.default_rng(0)
    teacher = rng.standard_normal((60, 12))
    student = teacher @ np.linalg.qr(rng.standard_normal((12, 12)))[0]
    student = student + noise * rng.standard_normal(student.shape)
    k_s, k_t = pairwise.linear_kernel(student), pairwise.linear_kernel(teacher)
    expected = np.linalg.norm(k_s - k_t) / np.linalg.norm(k_t)
    value = kernel_transfer(torch.from_numpy(student), torch.from_numpy(teacher))
    assert value == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_bad_input():
    with pytest.raises(ValueError, match='3 rows and t_feature 4'):
        kernel_transfer(torch.ones(3, 2), torch.ones(4, 2))
    with pytest.raises(ValueError, match='zeros or NaN'):
        kernel_transfer(torch.ones(3, 2), torch.zeros(3, 2))
    with pytest.raises(ValueError, match='tile=0 must be an integer >= 1'):
        measure(torch.ones(3, 2), torch.ones(3, 2), tile=0)
