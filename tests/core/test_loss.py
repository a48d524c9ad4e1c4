"""The loss against the formula of the authors' code; every choice with every other."""

import copy
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmnystrom.core import DISTANCES, FORMS, KERNELS, LANDMARKS
from mmnystrom.core.loss import KernelTransferLoss


def authors_loss(s_feat, t_feat, s_center, t_center):
    """smooth_l1(s_sim, t_sim, reduction='sum', beta=1) / ||t_sim||_F, in numpy; with its gradient."""
    s_sim, t_sim = s_feat @ s_center.T, t_feat @ t_center.T
    difference = s_sim - t_sim
    small = np.abs(difference) < 1
    values = np.where(small, 0.5 * difference**2, np.abs(difference) - 0.5)
    norm = np.sqrt((t_sim**2).sum())
    gradient = np.where(small, difference, np.sign(difference)) @ s_center / norm
    return values.sum() / norm, gradient


def draw(seed, n=16, d_s=6, d_t=9, m=5, scale=1.0):
    rng = np.random.default_rng(seed)
    shapes = ((n, d_s), (n, d_t), (m, d_s), (m, d_t))
    return [(scale * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]


def loss_with(s_landmarks, t_landmarks, **arguments):
    return KernelTransferLoss(dict(type='fixed', student=s_landmarks, teacher=t_landmarks), **arguments)


def value(s, t, s_landmarks, t_landmarks, **arguments):
    return loss_with(s_landmarks, t_landmarks, **arguments)(s, t)


@pytest.mark.parametrize('scale', [0.1, 1.0, 30.0])  # the quadratic part, both, the linear part
@pytest.mark.parametrize('seed', range(5))
def test_value_and_student_gradient(seed, scale):
    arrays = draw(seed, scale=scale)
    s, t = (torch.from_numpy(array).requires_grad_() for array in arrays[:2])
    loss = value(s, t, *arrays[2:])
    loss.backward()
    expected, gradient = authors_loss(*(array.astype(np.float64) for array in arrays))
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    error = np.linalg.norm(s.grad.numpy() - gradient) / np.linalg.norm(gradient)
    assert error < 1e-6
    assert t.grad is None


def test_pinned_figure():
    """Of the authors' three lines, run by hand in float64 on these numbers."""
    s = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    t = torch.tensor([[3.0], [1.0]])
    # s_sim = [[1, 2], [0, 1]], t_sim = [[3, 6], [1, 2]]: |d| = 2, 4, 1, 1 -> 1.5 + 3.5 + .5 + .5
    loss = value(s, t, torch.eye(2), torch.tensor([[1.0], [2.0]]))
    assert loss.item() == pytest.approx(6 / 50**0.5, rel=1e-6)


@pytest.mark.parametrize('form', ['partial', 'nystrom'])
@pytest.mark.parametrize('kernel', KERNELS)
def test_gradient_check(kernel, form):
    s, t, s_landmarks, t_landmarks = (torch.from_numpy(array).double() for array in draw(0))
    loss = loss_with(s_landmarks, t_landmarks, kernel=kernel, form=form, distance='mse')
    assert torch.autograd.gradcheck(lambda s: loss(s, t), s.requires_grad_())


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    tensors = [torch.from_numpy(array).to(dtype) for array in draw(0)]
    # Products of these overflow float16.
    tensors[1], tensors[3] = tensors[1] * 200, tensors[3] * 200
    expected, _ = authors_loss(*(tensor.double().numpy() for tensor in tensors))
    loss = value(*tensors)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('kernel', KERNELS)
def test_autocast_changes_nothing(kernel):
    tensors = [torch.from_numpy(array) for array in draw(0)]
    expected = value(*tensors, kernel=kernel)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(value(*tensors, kernel=kernel), expected)


@pytest.mark.parametrize('kernel', KERNELS)
def test_a_landmark_that_does_not_exist_adds_nothing(kernel):
    """Also where the kernel of a row of zeros is not 0."""
    s, t, _, _ = map(torch.from_numpy, draw(0, m=4))
    labels = torch.arange(16) % 4
    losses = []
    for classes in (4, 6):
        loss = KernelTransferLoss(dict(type='class_center', num_landmarks=classes), kernel)
        loss.landmarks.observe(s, t, labels)
        loss.landmarks.commit()
        losses.append(loss(s, t).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_a_teacher_of_zeros_gives_zero():
    s, t, s_landmarks, t_landmarks = map(torch.from_numpy, draw(0))
    s.requires_grad_()
    loss = value(s, torch.zeros_like(t), s_landmarks, t_landmarks)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(s.grad, torch.zeros_like(s))


def test_kl_on_classifier_rows_is_ordinary_distillation_up_to_the_bias():
    """tau^2 KL of the softened logits, mean over the batch (Hinton, Vinyals and Dean, 2015)."""
    s, t, s_weight, t_weight = map(torch.from_numpy, draw(0))
    tau = 4.0
    loss = KernelTransferLoss('classifier', distance=dict(type='kl', tau=tau))
    s.requires_grad_()
    loss.observe(s, t, (s_weight, t_weight))
    ours = loss(s, t)
    (gradient,) = torch.autograd.grad(ours, s)

    s_logits, t_logits = F.linear(s, s_weight), F.linear(t, t_weight)  # classifiers without a bias
    p, q = (F.softmax(x.double() / tau, 1) for x in (t_logits, s_logits))
    theirs = tau**2 * (p * (p / q).log()).sum() / len(s)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    (expected,) = torch.autograd.grad(theirs, s)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-7)
    with_bias = F.softmax((F.linear(s, s_weight, torch.arange(5.0))) / tau, 1)
    assert abs(tau**2 * (p * (p / with_bias).log()).sum() / len(s) - theirs) > 0.01


#: What each strategy is built with; the data below has 12 images, 3 classes.
STRATEGIES = {
    'class_center': dict(num_landmarks=3),
    'kmeans': dict(num_landmarks=3),
    'random': dict(num_landmarks=3),
    'kmeans++': dict(num_landmarks=3),
    'farthest': dict(num_landmarks=3),
    'leverage': dict(num_landmarks=3),
    'classifier': dict(),
    'fixed': dict(indices=[1, 5, 7]),
}
SIDES = dict(
    labels=torch.arange(12) % 3,
    indices=torch.arange(12),
    weights=(torch.randn(3, 4), torch.randn(3, 6)),
)


def assert_learns(loss, s, t):
    """A finite loss with a gradient for the student, that is the same after a checkpoint."""
    s = s.clone().requires_grad_()
    found = loss(s, t)
    found.backward()
    assert found.isfinite()
    assert s.grad.isfinite().all()
    assert s.grad.any()
    return found.item()


@pytest.mark.parametrize('strategy', LANDMARKS)
def test_every_strategy_with_every_kernel_and_form(strategy):
    torch.manual_seed(0)
    s, t = torch.randn(12, 4), torch.randn(12, 6)
    kernels = [*KERNELS, dict(type='rbf', gamma='median'), dict(type='polynomial', gamma='scale')]
    forms = ['partial', 'nystrom', dict(type='nystrom', rank=2), dict(type='nystrom', rank=0.8)]
    for kernel, form in itertools.product(kernels, forms):
        spec = dict(type=strategy, **STRATEGIES[strategy])
        loss, again = (KernelTransferLoss(spec, kernel=kernel, form=form) for _ in range(2))
        loss.landmarks.observe(s, t, SIDES.get(loss.landmarks.needs))
        loss.landmarks.commit()
        found = assert_learns(loss, s, t)
        again.load_state_dict(loss.state_dict())
        assert again.ready
        assert assert_learns(again, s, t) == pytest.approx(found, rel=1e-5)


def test_every_form_with_every_distance_and_normalization():
    torch.manual_seed(0)
    s, t = torch.randn(12, 4), torch.randn(12, 6)
    landmarks = dict(type='fixed', student=torch.randn(3, 4), teacher=torch.randn(3, 6))
    for form, distance, kernel in itertools.product(FORMS, DISTANCES, KERNELS):
        for normalize in (None, *DISTANCES[distance].normalizations):
            given = None if form == 'batch' else landmarks
            loss = KernelTransferLoss(given, kernel, form, distance, normalize)
            assert_learns(loss, s, t)


#: What a batch form is built with, beside the plain one.
BATCHES = [dict(type='batch', **{name: True}) for name in ('center', 'normalize_rows')]
BATCHES += [dict(type='batch', center=True, normalize_rows=True, normalize_features=True)]
#: The forms against landmarks, centred.
CENTERED = [dict(type=form, center=True) for form in ('partial', 'nystrom')]
CENTERED += [dict(type='partial', center=True, mean='landmarks'), dict(type='nystrom', center='rows')]


@pytest.mark.parametrize('bad', [float('nan'), float('inf'), -float('inf'), 1e30])
@pytest.mark.parametrize('kernel', KERNELS)
def test_samples_that_are_not_finite_are_left_out(kernel, bad):
    """The loss and its gradient are those of the batch without them, for every choice."""
    torch.manual_seed(0)
    s, t = torch.randn(12, 4, dtype=torch.float32), torch.randn(12, 6)
    landmarks = dict(type='fixed', student=torch.randn(3, 4), teacher=torch.randn(3, 6))
    good = torch.ones(12, dtype=torch.bool)
    good[[2, 5, 11]] = False
    bad_s, bad_t = s.clone(), t.clone()
    bad_s[2, 1] = bad_s[5] = bad_t[5] = bad_t[11, 3] = bad
    for form, distance in itertools.product([*FORMS, *BATCHES, *CENTERED], DISTANCES):
        for normalize in DISTANCES[distance].normalizations:
            given = None if form == 'batch' or form in BATCHES else landmarks
            loss = KernelTransferLoss(given, kernel, form, distance, normalize, loss_weight=2)
            clean, dirty = s[good].requires_grad_(), bad_s.clone().requires_grad_()
            expected, found = loss(clean, t[good]), loss(dirty, bad_t)
            case = f'{form} {distance} {normalize}'
            assert found.item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-6), case
            expected.backward()
            found.backward()
            assert not dirty.grad[~good].any(), case
            torch.testing.assert_close(dirty.grad[good], clean.grad, rtol=1e-3, atol=1e-5, msg=case)
            assert loss.rejected == 3


@pytest.mark.parametrize('form', [*FORMS, *BATCHES, *CENTERED], ids=str)
def test_a_batch_of_nothing_finite_gives_zero(form):
    landmarks = dict(type='fixed', student=torch.randn(3, 4), teacher=torch.randn(3, 6))
    for kernel, distance in itertools.product(KERNELS, DISTANCES):
        for normalize in DISTANCES[distance].normalizations:
            given = None if form == 'batch' or form in BATCHES else landmarks
            loss = KernelTransferLoss(given, kernel, form, distance, normalize)
            s = torch.full((5, 4), float('nan')).requires_grad_()
            found = loss(s, torch.randn(5, 6))
            found.backward()
            assert found == 0
            assert not s.grad.any()


def test_the_root_is_taken_once_a_refresh(monkeypatch):
    taken = []
    real = torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, 'eigh', lambda gram: taken.append(gram.dtype) or real(gram))
    loss = KernelTransferLoss(dict(type='class_center', num_landmarks=3), 'rbf', 'nystrom')
    s, t = torch.randn(12, 4), torch.randn(12, 6)
    for _ in range(2):
        loss.observe(s, t, SIDES['labels'])
        loss.refresh()
        for _ in range(5):
            loss(s, t)
    assert taken == [torch.float64] * 4  # two networks, two refreshes


def test_classifier_rows_of_the_moment_unless_there_is_a_root_to_take():
    s, t = torch.randn(12, 4), torch.randn(12, 6)
    expected = dict(partial=3, nystrom=1)
    for form in expected:
        loss = KernelTransferLoss('classifier', form=form)
        for _ in range(3):
            loss.observe(s, t, (torch.randn(3, 4), torch.randn(3, 6)))
        assert loss.landmarks.refreshes == expected[form]


CENTER = dict(type='class_center', num_landmarks=3)


def refreshed(kernel):
    """A loss with landmarks of features of which the teacher's are ten times as long."""
    torch.manual_seed(0)
    s, t = torch.randn(12, 4), 10 * torch.randn(12, 6)
    loss = KernelTransferLoss(CENTER, kernel)
    loss.observe(s, t, SIDES['labels'])
    loss.refresh()
    return loss, s, t


def test_scales_of_the_two_networks_are_their_own_and_follow_from_the_landmarks():
    loss, s, t = refreshed(dict(type='linear', scale='landmarks'))
    expected = [rows.square().sum(1).mean().item() for rows in loss.landmarks.active()]
    assert [kernel.scale for kernel in loss.fitted_kernels()] == pytest.approx(expected)
    other = KernelTransferLoss(CENTER, dict(type='linear', scale='landmarks'))
    other.load_state_dict(loss.state_dict())
    assert other(s, t) == loss(s, t)
    # The authors' formula of features in units of the landmarks.
    student, teacher = (
        x @ rows.T / scale
        for x, rows, scale in zip((s, t), loss.landmarks.active(), expected, strict=True)
    )
    formula = torch.nn.functional.smooth_l1_loss(student, teacher, reduction='sum') / teacher.norm()
    torch.testing.assert_close(loss(s, t), formula)


def test_gammas_of_the_two_networks_are_their_own_and_follow_from_the_landmarks():
    loss, _, _ = refreshed(dict(type='rbf', gamma='median'))
    student, teacher = (found.kernel.gamma for found in loss.feature_maps())
    assert student > 10 * teacher
    assert student == loss.kernel.fit(loss.landmarks.student).gamma
    assert not any('gamma' in name for name in loss.state_dict())
    # A run that changed its kernel in between.
    other = KernelTransferLoss(CENTER, dict(type='rbf', gamma='scale'))
    other.load_state_dict(loss.state_dict())
    assert other.fitted_kernels()[0].gamma == other.kernel.fit(loss.landmarks.student).gamma


def test_maps_are_made_anew_when_the_landmarks_are_and_only_then():
    loss, s, t = refreshed('linear')
    maps = loss.feature_maps()
    loss(s, t), loss.measure(s, t)
    assert loss.feature_maps() is maps
    loss.landmarks.observe(s, t, SIDES['labels'])
    loss.refresh()
    assert loss.feature_maps() is not maps
    maps, before = loss.feature_maps(), loss(s, t)
    loss.load_state_dict(loss.state_dict())
    assert loss.feature_maps() is not maps and loss(s, t) == before
    maps = loss.feature_maps()
    assert loss.to('cpu').feature_maps() is maps
    assert copy.deepcopy(loss)(s, t) == before


def test_without_landmarks_there_is_nothing_to_compare():
    loss = KernelTransferLoss(CENTER)
    words = r'no landmarks yet: call observe\(\) and refresh\(\) first'
    for call in (loss.feature_maps, loss.fitted_kernels):
        with pytest.raises(RuntimeError, match=words):
            call()
    with pytest.raises(RuntimeError, match=words):
        loss(torch.ones(2, 4), torch.ones(2, 6))


OLD = Path(__file__).parent / 'files' / 'losses_0.1.pt'


@pytest.mark.parametrize('name', torch.load(OLD, weights_only=True)['states'])
def test_a_checkpoint_of_the_version_before(name):
    """Written by 0.1.0: ``seen`` was its name of ``exists``, and it held gammas.

    The loss has the value that it had there, and in the middle of an epoch the collecting goes on.
    """
    old = torch.load(OLD, weights_only=True)
    s, t = old['features']
    loss = KernelTransferLoss(**old['specs'][name])
    assert str(loss.load_state_dict(old['states'][name])) == '<All keys matched successfully>'
    assert loss(s, t).item() == pytest.approx(old['values'][name], rel=1e-6)
    if name != 'classifier':  # its latest weights are no state
        sides = dict(labels=old['labels'], indices=torch.arange(12))
        extra = sides.get(loss.landmarks.needs)
        loss.observe(s[7:], t[7:], None if extra is None else extra[7:])
        loss.refresh()
    assert loss(s, t).item() == pytest.approx(old['later'][name], rel=1e-5)


@pytest.mark.parametrize(
    ('arguments', 'error', 'words'),
    [
        (dict(), ValueError, 'landmarks is missing.*class_center'),
        (dict(landmarks=CENTER, form='batch'), ValueError, "form='batch' .* has no landmarks: leave"),
        (dict(landmarks=CENTER, preset='sp'), ValueError, "form='batch' .* has no landmarks: leave"),
        (
            dict(form='batch', kernel=dict(type='rbf', gamma='median')),
            ValueError,
            "gamma='median' is found from landmarks, and form='batch' has none",
        ),
        (
            dict(landmarks=CENTER, form=dict(type='nystrom', rank=4)),
            ValueError,
            'rank=4 is more than the number of landmarks, 3',
        ),
        (dict(landmarks=CENTER, form='full'), ValueError, "form='full' is unknown"),
        (
            dict(landmarks=CENTER, form=dict(type='partial', rank=3)),
            TypeError,
            r'partial\(center=False, mean=',
        ),
        (dict(form=dict(type='batch', center=1)), ValueError, 'center=1 must be True or False'),
        (dict(landmarks=CENTER, distance='cosine', normalize='mean'), ValueError, 'does not go with'),
        (dict(landmarks=CENTER, normalize='sum'), ValueError, "normalize='sum' is unknown"),
        (dict(preset=['sp']), ValueError, r"preset=\['sp'\] is unknown: write one of"),
        (dict(landmarks=CENTER, kernel=dict(type=['rbf'])), ValueError, r"\['rbf'\].*is unknown"),
        (dict(landmarks=dict(type=None)), ValueError, "landmarks=.*'type': None.* is unknown"),
        (
            dict(preset='rkd'),
            ValueError,
            r"preset='rkd' is unknown: write one of \['cc', 'cka', 'landmark_cka'",
        ),
    ],
)
def test_nonsense_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        KernelTransferLoss(**arguments)
