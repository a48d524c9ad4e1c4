"""Every distance of the table against numpy."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine
from scipy.special import log_softmax, softmax
from scipy.stats import pearsonr

from mmnystrom.core.distances import DISTANCES, build_distance, normalized


def kl(tau):
    def value(s, t):
        p = softmax(t / tau, axis=1)
        return tau**2 * (p * (np.log(p) - log_softmax(s / tau, axis=1))).sum()

    return value


def huber(s, t, beta=1.0):
    d = np.abs(s - t)
    return np.where(d < beta, 0.5 * d**2 / beta, d - 0.5 * beta).sum()


def row_kl(s, t, eps=1e-7):
    """Of shares; what is negative counts as 0."""
    total = 0.0
    for a, b in zip(np.maximum(s, 0), np.maximum(t, 0), strict=True):
        a, b = a / (a.sum() or 1), b / (b.sum() or 1)
        total += sum(y * np.log((y + eps) / (x + eps)) for x, y in zip(a, b, strict=True))
    return total


def correlation(s, t):
    rows = np.mean([1 - pearsonr(a, b).statistic for a, b in zip(s, t, strict=True)])
    columns = np.mean([1 - pearsonr(a, b).statistic for a, b in zip(s.T, t.T, strict=True)])
    return dict(rows=rows, columns=columns, both=rows + columns)


CASES = [
    ('smooth_l1', huber),
    (dict(type='smooth_l1', beta=0.3), lambda s, t: huber(s, t, 0.3)),
    ('l1', lambda s, t: np.abs(s - t).sum()),
    ('mse', lambda s, t: ((s - t) ** 2).sum()),
    ('kl', kl(1.0)),
    (dict(type='kl', tau=4.0), kl(4.0)),
    ('row_kl', row_kl),
    (dict(type='row_kl', eps=0.01), lambda s, t: row_kl(s, t, 0.01)),
    ('cosine', lambda s, t: cosine(s.ravel(), t.ravel())),
    ('correlation', lambda s, t: correlation(s, t)['both']),
    (dict(type='correlation', of='rows'), lambda s, t: correlation(s, t)['rows']),
    (dict(type='correlation', of='columns'), lambda s, t: correlation(s, t)['columns']),
]


def draw(seed=0, n=6, m=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, m)), rng.standard_normal((n, m))


def test_every_distance_is_tried():
    names = {spec if isinstance(spec, str) else spec['type'] for spec, _ in CASES}
    assert names == set(DISTANCES)


@pytest.mark.parametrize(('spec', 'oracle'), CASES, ids=[str(spec) for spec, _ in CASES])
def test_values_and_normalizations(spec, oracle):
    s, t = draw()
    expected = oracle(s, t)
    distance = build_distance(spec)
    divisors = dict(
        none=1.0,
        mean=6 if 'kl' in str(spec) and 'row_kl' not in str(spec) else 24,
        teacher_norm=np.linalg.norm(t),
    )
    for normalize in distance.normalizations:
        found = normalized(distance, normalize, torch.from_numpy(s), torch.from_numpy(t))
        assert found.item() == pytest.approx(expected / divisors[normalize], rel=1e-9)


@pytest.mark.parametrize('spec', [spec for spec, _ in CASES], ids=str)
def test_gradients(spec):
    s, t = map(torch.from_numpy, draw())
    distance = build_distance(spec)
    for normalize in distance.normalizations:
        assert torch.autograd.gradcheck(
            lambda s, normalize=normalize: normalized(distance, normalize, s, t), s.requires_grad_()
        )


@pytest.mark.parametrize('spec', [spec for spec, _ in CASES], ids=str)
def test_zero_where_rows_are_equal_and_finite_where_they_are_zero(spec):
    s, _ = map(torch.from_numpy, draw())
    distance = build_distance(spec)
    assert distance(s, s).item() == pytest.approx(0, abs=1e-12)
    zero = torch.zeros(3, 2, requires_grad=True)
    for normalize in distance.normalizations:
        value = normalized(distance, normalize, zero, torch.zeros(3, 2))
        value.backward()
        assert value.isfinite()
        assert zero.grad.isfinite().all()


def test_what_normalize_means_when_it_is_left_out():
    chosen = {name: build_distance(name).choose_normalization(None) for name in DISTANCES}
    assert chosen == dict(
        smooth_l1='teacher_norm',
        l1='teacher_norm',
        mse='teacher_norm',
        kl='mean',
        row_kl='mean',
        cosine='none',
        correlation='none',
    )


@pytest.mark.parametrize(
    ('spec', 'error', 'words'),
    [
        ('l2', ValueError, r"distance='l2' is unknown: write one of \['correlation', 'cosine', 'kl'"),
        (dict(type='kl', tau=0), ValueError, 'distance: tau=0 must be .* > 0: a temperature'),
        (dict(type='kl', tau=-4.0), ValueError, 'tau=-4.0'),
        (dict(type='smooth_l1', beta=0), ValueError, "beta=0 .*distance='l1'"),
        (dict(type='mse', tau=1.0), TypeError, r'tau.*mse\(\)'),
        (dict(type='correlation', of='cols'), ValueError, "distance: of='cols' is unknown: write one of"),
        (None, TypeError, 'distance=None'),
    ],
)
def test_nonsense_is_refused(spec, error, words):
    with pytest.raises(error, match=words):
        build_distance(spec)


def test_normalizations_that_do_not_go_with_a_distance():
    with pytest.raises(ValueError, match="normalize='norm' is unknown"):
        build_distance('l1').choose_normalization('norm')
    with pytest.raises(ValueError, match=r"'mean' does not go with Cosine\(\)"):
        build_distance('cosine').choose_normalization('mean')


def test_a_correlation_is_of_the_entries_that_count():
    s, t = map(torch.from_numpy, draw(n=6, m=6))
    kept = torch.tensor([True, True, False, True, True, False])
    inside = kept[:, None] & kept
    masked = [torch.where(inside, x, 0) for x in (s, t)]
    part = [x[kept][:, kept] for x in (s, t)]
    for of in ('rows', 'columns', 'both'):
        distance = build_distance(dict(type='correlation', of=of))
        assert distance(*masked, kept).item() == pytest.approx(distance(*part).item())
        # Against landmarks rows may be left out, and all columns count.
        rows = [torch.where(kept[:, None], x, 0) for x in (s, t)]
        assert distance(*rows).item() == pytest.approx(distance(*(x[kept] for x in (s, t))).item())


def test_where_only_rounding_is_left_nothing_is_correlated():
    s, t = (torch.from_numpy(x).float() for x in draw())
    flat = t.clone()
    flat[2] = 1e3 + torch.tensor([0, 1, 0, 1]) * 1e-4  # the teacher says nothing of this image
    distance = build_distance(dict(type='correlation', of='rows'))
    others = [0, 1, 3, 4, 5]
    assert distance(s, flat).item() == pytest.approx(distance(s[others], t[others]).item())
    s[1] = 1e3  # the student says nothing of that one: as far as can be, and no gradient of rounding
    s.requires_grad_()
    distance(s, t).backward()
    assert (s.grad[1] == 0).all() and (s.grad[0] != 0).any()
    assert distance(s[1:2], t[1:2]).item() == 1
