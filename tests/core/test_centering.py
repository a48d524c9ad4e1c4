"""Centred forms against scikit-learn and numpy, what they do not see, and small batches."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import ortho_group
from sklearn.metrics.pairwise import cosine_similarity, linear_kernel, rbf_kernel
from sklearn.preprocessing import KernelCenterer

from mmnystrom.core.centering import center_rows
from mmnystrom.core.kernels import KERNELS
from mmnystrom.core.loss import KernelTransferLoss

N, M, D_S, D_T = 20, 6, 5, 8


def draw(seed=0, n=N, shift=3.0):
    """Positive features with a large mean, as behind a ReLU, and landmarks of them."""
    rng = np.random.default_rng(seed)
    features = [rng.standard_normal((n, d)) + shift for d in (D_S, D_T)]
    landmarks = [rng.standard_normal((M, d)) + shift for d in (D_S, D_T)]
    return features, landmarks


def build(landmarks, **arguments):
    given = dict(type='fixed', student=landmarks[0], teacher=landmarks[1])
    loss = KernelTransferLoss(given, **arguments)
    # In float64, which the strategy would round to float32: the oracles are.
    loss.landmarks.student, loss.landmarks.teacher = (torch.from_numpy(x) for x in landmarks)
    return loss


def centering(n):
    return np.eye(n) - 1 / n


def gram(kernel, x, y):
    if kernel == 'rbf':
        return rbf_kernel(x, y, gamma=0.05)
    return dict(linear=linear_kernel, cosine=cosine_similarity)[kernel](x, y)


SPECS = dict(linear='linear', cosine='cosine', rbf=dict(type='rbf', gamma=0.05))


@pytest.mark.parametrize('kernel', SPECS)
@pytest.mark.parametrize('center', [True, 'rows', 'landmarks', False])
def test_rows_are_h_c_h(kernel, center):
    features, landmarks = draw()
    loss = build(landmarks, kernel=SPECS[kernel], form=dict(type='partial', center=center))
    for rows, x, anchors in zip(loss.feature_maps(), features, landmarks, strict=True):
        expected = gram(kernel, x, anchors)
        if center in (True, 'rows'):
            expected = centering(N) @ expected
        if center in (True, 'landmarks'):
            expected = expected @ centering(M)
        np.testing.assert_allclose(rows(torch.from_numpy(x)), expected, atol=1e-10)


@pytest.mark.parametrize('kernel', SPECS)
def test_landmarks_that_are_the_batch_give_the_centred_gram_matrix(kernel):
    """Against scikit-learn; landmark CKA is then CKA."""
    features, _ = draw()
    loss = build(features, preset='landmark_cka', kernel=SPECS[kernel])
    grams = []
    for rows, x in zip(loss.feature_maps(), features, strict=True):
        expected = KernelCenterer().fit_transform(gram(kernel, x, x))
        np.testing.assert_allclose(rows(torch.from_numpy(x)), expected, atol=1e-9)
        grams.append(expected)
    cka = (grams[0] * grams[1]).sum() / np.linalg.norm(grams[0]) / np.linalg.norm(grams[1])
    inputs = [torch.from_numpy(x) for x in features]
    assert loss(*inputs).item() == pytest.approx(1 - cka, rel=1e-8)
    batch = KernelTransferLoss(preset='cka', kernel=SPECS[kernel])
    assert loss(*inputs).item() == pytest.approx(batch(*inputs).item(), rel=1e-8)


@pytest.mark.parametrize('kernel', SPECS)
def test_nystrom_rows_of_all_samples_make_the_centred_kernel_matrix(kernel):
    """Exact where the landmarks are the data: F F^T = H K H."""
    features, _ = draw()
    loss = build(features, kernel=SPECS[kernel], form=dict(type='nystrom', center=True, threshold=1e-12))
    for rows, x in zip(loss.feature_maps(), features, strict=True):
        factor = rows(torch.from_numpy(x)).numpy()
        expected = KernelCenterer().fit_transform(gram(kernel, x, x))
        np.testing.assert_allclose(factor @ factor.T, expected, atol=1e-6)


def test_landmark_cka_is_the_formula():
    """1 - <C_S, C_T> / (|C_S| |C_T|) of centred C; and by covariances of batch and landmarks."""
    features, landmarks = draw()
    loss = build(landmarks, preset='landmark_cka')
    s, t = (centering(N) @ x @ a.T @ centering(M) for x, a in zip(features, landmarks, strict=True))
    expected = 1 - (s * t).sum() / np.sqrt((s**2).sum() * (t**2).sum())
    assert loss(*map(torch.from_numpy, features)).item() == pytest.approx(expected, rel=1e-10)

    def part(i, j):
        x, y = (centering(N) @ features[k] for k in (i, j))
        a, b = (centering(M) @ landmarks[k] for k in (i, j))
        return ((x.T @ y) * (a.T @ b)).sum()

    alignment = part(0, 1) / np.sqrt(part(0, 0) * part(1, 1))
    assert 1 - expected == pytest.approx(alignment, rel=1e-10)


def test_nystrom_correlation_is_the_correlation_of_turned_features():
    """The polar factor of the landmarks turns the features of each network; no root is taken here."""
    features, landmarks = draw()
    loss = build(landmarks, preset='nystrom_correlation')
    turned = []
    for x, anchors in zip(features, landmarks, strict=True):
        left, singular, right = np.linalg.svd(centering(M) @ anchors, full_matrices=False)
        rank = (singular > 1e-9 * singular[0]).sum()  # centred landmarks have one dimension less
        turned.append(centering(N) @ x @ (left[:, :rank] @ right[:rank]).T)
    expected = 0
    for s, t in (turned, (turned[0].T, turned[1].T)):
        expected += np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(s, t, strict=True)])
    assert loss(*map(torch.from_numpy, features)).item() == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize('kernel', SPECS)
@pytest.mark.parametrize('form', ['partial', 'nystrom'])
def test_mean_of_the_landmarks_weighs_their_images(kernel, form):
    """Landmarks that are samples, some of them twice: the rows' mean is that of all these images."""
    features, landmarks = draw()
    times = np.array([1, 3, 1, 1, 2, 1])
    given = dict(type=form, center='rows', mean='landmarks')
    loss = build(landmarks, kernel=SPECS[kernel], form=given)
    loss.landmarks.weight = torch.from_numpy(times).float()
    plain = build(landmarks, kernel=SPECS[kernel], form=form)
    pairs = zip(loss.feature_maps(), plain.feature_maps(), features, landmarks, strict=True)
    for rows, without, x, anchors in pairs:
        images = torch.from_numpy(np.repeat(anchors, times, axis=0))
        expected = without(torch.from_numpy(x)) - without(images).mean(0)
        np.testing.assert_allclose(rows(torch.from_numpy(x)), expected, atol=1e-7)


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('form', ['partial', 'nystrom'])
@pytest.mark.parametrize('center', [True, 'rows', 'landmarks'])
def test_gradients(kernel, form, center):
    features, landmarks = draw(n=7)
    spec = dict(type=kernel, gamma=0.05) if kernel in ('rbf', 'laplacian') else kernel
    for distance, mean in itertools.product(('cosine', 'correlation', 'mse'), ('batch', 'landmarks')):
        if mean == 'landmarks' and center == 'landmarks':
            continue
        loss = build(
            landmarks, kernel=spec, distance=distance, form=dict(type=form, center=center, mean=mean)
        )
        s, t = (torch.from_numpy(x) for x in features)
        assert torch.autograd.gradcheck(lambda s, loss=loss, t=t: loss(s, t), s.requires_grad_())


#: Losses that see neither a constant nor a rotation of either network's features, nor their mean.
SCALE_FREE = {
    'landmark_cka': dict(preset='landmark_cka'),
    'landmark_cka, Nystrom': dict(preset='landmark_cka', form=dict(type='nystrom', center=True)),
    'landmark_cka, mean of landmarks': dict(
        preset='landmark_cka', form=dict(type='partial', center=True, mean='landmarks')
    ),
    'landmark_cka, rbf': dict(preset='landmark_cka', kernel=dict(type='rbf', gamma='median')),
    'nystrom_correlation': dict(preset='nystrom_correlation'),
    'published, in units of the landmarks': dict(kernel=dict(type='linear', scale='landmarks')),
    'cosine kernel': dict(kernel='cosine'),
}


@pytest.mark.parametrize('name', SCALE_FREE)
@pytest.mark.parametrize('side', [0, 1])
def test_scale_and_rotation_of_either_network_change_nothing(name, side):
    """A property, over random factors, rotations and data."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        features, landmarks = draw(seed)
        width = features[side].shape[1]
        change = ortho_group.rvs(width, random_state=seed) * np.exp(rng.uniform(-5, 5))
        values = []
        for _ in range(2):
            loss = build(landmarks, **SCALE_FREE[name])
            assert loss.scale_free
            values.append(loss(*map(torch.from_numpy, features)).item())
            features[side], landmarks[side] = features[side] @ change, landmarks[side] @ change
        assert values[1] == pytest.approx(values[0], rel=1e-6)
        if name.startswith(('landmark_cka', 'nystrom_correlation')):
            features[side], landmarks[side] = features[side] + 7, landmarks[side] + 7
            loss = build(landmarks, **SCALE_FREE[name])
            assert loss(*map(torch.from_numpy, features)).item() == pytest.approx(values[0], rel=1e-6)


def test_what_has_a_scale():
    _, landmarks = draw()
    polynomial = dict(type='polynomial', coef0=0)
    with_scale = [
        dict(),
        dict(form='nystrom'),
        dict(kernel=dict(type='rbf', gamma=1.0)),
        dict(kernel='polynomial', distance='cosine'),
        dict(kernel=polynomial, form=dict(type='partial', center=True)),
    ]
    assert not any(build(landmarks, **arguments).scale_free for arguments in with_scale)
    assert KernelTransferLoss(preset='cka').scale_free
    assert KernelTransferLoss(preset='sp').scale_free
    assert KernelTransferLoss(preset='cc').scale_free
    assert not KernelTransferLoss(form='batch').scale_free


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('form', ['partial', 'nystrom', 'batch'])
@pytest.mark.parametrize('kernel', KERNELS)
def test_nothing_to_tell_apart(form, kernel, dtype):
    """A single row, equal rows, a teacher of zeros: finite, and no gradient made of rounding."""
    features, landmarks = draw()
    spec = dict(type=kernel, gamma=0.05) if kernel in ('rbf', 'laplacian') else kernel
    arguments = dict(kernel=spec, form=dict(type=form, center=True), distance='cosine')
    loss = KernelTransferLoss(**arguments) if form == 'batch' else build(landmarks, **arguments)
    s, t = (torch.from_numpy(x).to(dtype) for x in features)
    for n, rows in ((1, s[:1]), (7, s[:1].expand(7, -1)), (2, s[:2])):
        student = rows.clone().requires_grad_()
        found = loss(student, t[:n] if n == 2 else t[:1].expand(n, -1))
        found.backward()
        assert found.isfinite()
        assert student.grad.isfinite().all()
        if n != 2:
            assert found == 0
            assert not student.grad.any()
    # A student that gives one feature for all, and is to learn: the gradient is no multiple of 1e6.
    student = s[:1].expand(7, -1).clone().requires_grad_()
    found = loss(student, t[:7])
    found.backward()
    assert found == 1
    assert student.grad.abs().max() < 1e3
    # With samples that are left out only one row is there to compare.
    student = s[:3].clone()
    student[1:] = torch.nan
    assert loss(student.requires_grad_(), t[:3]) == 0


def test_center_rows_of_some():
    x = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]])
    usable = torch.tensor([True, False, True])
    expected = torch.tensor([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]])
    assert torch.equal(center_rows(x, usable), expected)
    assert torch.equal(center_rows(x, usable, torch.tensor([[1.0, 1.0]]))[1], torch.zeros(2))


@pytest.mark.parametrize(
    ('form', 'words'),
    [
        (dict(type='partial', center=1), "form: center=1 is unknown: write one of .*'landmarks'"),
        (dict(type='nystrom', center='columns'), "center='columns' is unknown"),
        (dict(type='partial', center=True, mean='running'), "mean='running' is unknown"),
        (dict(type='partial', mean='landmarks'), "mean='landmarks' is the mean .*set center=True"),
        (dict(type='partial', center='landmarks', mean='landmarks'), "center='landmarks' takes none"),
    ],
)
def test_nonsense_is_refused(form, words):
    with pytest.raises(ValueError, match=words):
        KernelTransferLoss(dict(type='class_center', num_landmarks=3), form=form)
