"""Strategies without labels against scikit-learn and numpy; the battery is in test_table.py."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.metrics import pairwise_distances

from mmnystrom.core.kernels import build_kernel
from mmnystrom.core.landmarks import Use, build_landmarks, leverage_scores
from mmnystrom.core.measure import measure

M = 5
POOLED = ('kmeans', 'random', 'kmeans++', 'farthest', 'leverage')


def draw(n=120, seed=0):
    """Clustered teacher features, and student features that are a linear map of them."""
    rng = np.random.default_rng(seed)
    t = 4 * rng.standard_normal((M, 6))[np.arange(n) % M] + rng.standard_normal((n, 6))
    return tuple(torch.from_numpy(x).float() for x in (t @ rng.standard_normal((6, 4)), t))


def collected(name, s, t, **more):
    landmarks = build_landmarks(dict(type=name, num_landmarks=M, **more))
    landmarks.observe(s, t)
    landmarks.commit()
    return landmarks


def test_kmeans_is_that_of_scikit_learn():
    """And the student's landmark is the mean of the student's features of the same samples."""
    s, t = draw()
    landmarks = collected('kmeans', s, t)
    theirs = SklearnKMeans(M, n_init=5, random_state=0).fit(t.numpy())
    order = pairwise_distances(landmarks.teacher, theirs.cluster_centers_).argmin(1)
    np.testing.assert_allclose(landmarks.teacher, theirs.cluster_centers_[order], rtol=1e-4, atol=1e-5)
    expected = [s.numpy()[theirs.labels_ == j].mean(0) for j in order]
    np.testing.assert_allclose(landmarks.student, expected, rtol=1e-3, atol=1e-4)


def test_kmeans_goes_on_from_the_clusters_it_had():
    """So that row j goes on standing for the same cluster, and averages make sense."""
    s, t = draw()
    landmarks = collected('kmeans', s, t, refresh=dict(momentum=0.5))
    before = landmarks.teacher.clone()
    torch.manual_seed(0)
    landmarks.observe(s + 0.1 * torch.randn(120, 4), t + 0.1 * torch.randn(120, 6))
    landmarks.commit()
    assert (landmarks.drift < 0.1).all()
    assert (landmarks.teacher - before).norm() / before.norm() < 0.1


def test_kmeans_does_not_average_clusters_that_have_nothing_in_common():
    """After a refresh with fewer landmarks the clusters are new ones, whatever the momentum."""
    s, t = draw()
    spec = dict(type='kmeans', num_landmarks=M, refresh=dict(momentum=0.9))
    landmarks, fresh = build_landmarks(spec), build_landmarks(spec)
    landmarks.observe(s[:3], t[:3])
    with pytest.warns(UserWarning, match='3 landmarks'):
        landmarks.commit()
    fresh.refreshes = landmarks.refreshes
    for each in (landmarks, fresh):
        each.observe(s, t)
        each.commit()
    assert torch.equal(landmarks.teacher, fresh.teacher)
    assert landmarks.drift is None


def test_farthest_points():
    """Greedy in numpy from the same first point."""
    s, t = draw()
    landmarks = collected('farthest', s, t)
    t = t.numpy()
    chosen = [int(pairwise_distances(landmarks.teacher.numpy()[:1], t).argmin())]
    while len(chosen) < M:
        chosen.append(int(pairwise_distances(t, t[chosen]).min(1).argmax()))
    np.testing.assert_allclose(landmarks.teacher, t[chosen], rtol=1e-6)


@pytest.mark.parametrize('kernel', ['linear', 'cosine', 'polynomial', dict(type='rbf', gamma=0.1)])
def test_leverage_scores(kernel):
    """The diagonal of K (K + lambda I)^-1, written out."""
    rows, kernel = draw()[1], build_kernel(kernel)
    gram = kernel(rows.double(), rows.double()).numpy()
    penalty = 0.02 * np.trace(gram)
    expected = np.diag(gram @ np.linalg.inv(gram + penalty * np.eye(len(gram))))
    np.testing.assert_allclose(leverage_scores(rows, kernel, 0.02), expected, rtol=1e-8)


def test_leverage_prefers_what_the_others_do_not_explain():
    t = torch.zeros(100, 6)
    t[:, 0] = 1 + torch.rand(100)
    t[7, 3], t[8, 4] = 1.0, 1.0
    found = [0, 0]
    for seed in range(20):
        landmarks = build_landmarks(dict(type='leverage', num_landmarks=3, seed=seed, ridge=1e-3))
        landmarks.observe(t[:, :4], t)
        landmarks.commit()
        found[0] += bool((landmarks.teacher[:, 3] > 0).any())
        found[1] += bool((landmarks.teacher[:, 4] > 0).any())
    assert min(found) >= 12  # a uniform draw has each in 3 draws of 100: 0.6 of 20


def test_better_landmarks_than_random_ones_have_less_error():
    """Mean Nystrom error of an rbf kernel on uneven clusters, over ten seeds."""
    rng = np.random.default_rng(0)
    sizes = rng.dirichlet(np.ones(20), 1)[0]
    t = 3 * rng.standard_normal((20, 6))[rng.choice(20, 400, p=sizes)] + 0.3 * rng.standard_normal(
        (400, 6)
    )
    t = torch.from_numpy(t).float()
    errors, kernel = {}, build_kernel(dict(type='rbf', gamma=0.05))
    for name in POOLED:
        found = []
        for seed in range(10):
            landmarks = build_landmarks(dict(type=name, num_landmarks=20, seed=seed), use=Use(kernel))
            landmarks.observe(t, t)
            landmarks.commit()
            found.append(measure(t, t, (kernel, kernel), landmarks.active())['nystrom_error_teacher'])
        errors[name] = np.mean(found)
    assert errors['kmeans'] == min(errors.values())
    assert max(errors['kmeans++'], errors['farthest']) < errors['random'] / 2
