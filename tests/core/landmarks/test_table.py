"""One battery that every landmark strategy of the table passes."""

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise_distances

from mmnystrom.core.kernels import build_kernel
from mmnystrom.core.landmarks import LANDMARKS, Use, build_landmarks

M = 5
#: What each strategy is built with for M landmarks.
ARGUMENTS = {name: dict(num_landmarks=M) for name in LANDMARKS} | {
    'classifier': dict(),
    'fixed': dict(indices=[3, 50, 7, 21, 90]),
}
POOLED = ('kmeans', 'random', 'kmeans++', 'farthest', 'leverage')


def build(name, use=None):
    return build_landmarks(dict(type=name, **ARGUMENTS[name]), use=use)


def draw(n=120, seed=0):
    """Clustered teacher features; the student's are a linear map of them."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % M
    t = 4 * rng.standard_normal((M, 6))[labels] + rng.standard_normal((n, 6))
    weights = rng.standard_normal((M, 6))
    tensors = [torch.from_numpy(a).float() for a in (t, weights)]
    return (*tensors, torch.from_numpy(labels), torch.from_numpy(rng.standard_normal((6, 4))).float())


def collect(landmarks, t, weights, labels, student_map, batch=32):
    s = t @ student_map
    for i in range(0, len(t), batch):
        part = slice(i, min(i + batch, len(t)))
        sides = dict(
            labels=labels[part],
            indices=torch.arange(part.start, part.stop),
            weights=(weights @ student_map, weights),
        )
        landmarks.observe(s[part], t[part], sides.get(landmarks.needs))
    return landmarks


@pytest.fixture(params=LANDMARKS)
def name(request):
    return request.param


def test_shapes_and_pairing(name):
    """Features of the student that are a linear map of the teacher's: so are paired landmarks."""
    data = draw()
    landmarks = collect(build(name), *data)
    landmarks.commit()
    assert landmarks.ready
    assert landmarks.num_active == M
    assert landmarks.student.shape == (M, 4)
    assert landmarks.teacher.shape == (M, 6)
    assert landmarks.teacher.dtype == torch.float32
    torch.testing.assert_close(landmarks.teacher @ data[3], landmarks.student, rtol=1e-4, atol=1e-4)
    assert landmarks.teacher.unique(dim=0).shape[0] == M


def test_weights_say_how_many_images_a_landmark_stands_for(name):
    data = draw()
    landmarks = collect(build(name), *data)
    landmarks.commit()
    found = landmarks.active_weight().tolist()
    if name == 'class_center':
        assert found == [24] * M
    elif name == 'kmeans':
        nearest = pairwise_distances(data[0], landmarks.teacher).argmin(1)
        assert found == np.bincount(nearest, minlength=M).tolist()
    else:
        assert found == [1] * M


def test_repeatable_and_no_slave_of_the_global_seed(name):
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        np.random.seed(seed)
        landmarks = collect(build(name), *draw())
        landmarks.commit()
        found.append(landmarks.teacher)
    assert torch.equal(*found)


def test_state_survives_a_checkpoint(name):
    data = draw()
    landmarks = collect(build(name), *data)
    landmarks.commit()
    collect(landmarks, *(data[0][:40], *data[1:]))
    restored = build(name)
    restored.load_state_dict(landmarks.state_dict())
    assert restored.num_active == landmarks.num_active
    assert torch.equal(restored.student, landmarks.student)
    for each in (landmarks, restored):
        collect(each, *(data[0][40:80], *data[1:]))
        each.commit()
    assert torch.equal(restored.student, landmarks.student)
    assert int(restored.refreshes) == int(landmarks.refreshes)


def test_a_commit_without_samples_keeps_the_landmarks(name):
    landmarks = collect(build(name), *draw())
    landmarks.commit()
    before = landmarks.teacher.clone()
    if name == 'classifier':
        landmarks._latest = None
    landmarks.commit()
    assert torch.equal(landmarks.teacher, before)
    assert landmarks.num_active == M


@pytest.mark.parametrize('constant', [0.0, 0.1])
def test_constant_features(name, constant):
    t, weights, labels, student_map = draw()
    kernel = build_kernel(dict(type='rbf', gamma='median'))
    landmarks = build(name, use=Use(kernel))
    collect(
        landmarks, torch.full_like(t, constant), torch.full_like(weights, constant), labels, student_map
    )
    with np.errstate(all='raise'):
        if name == 'kmeans':
            with pytest.warns(UserWarning, match='1 landmarks are used .* no more different samples'):
                landmarks.commit()
        else:
            landmarks.commit()
    assert landmarks.num_active == (1 if name == 'kmeans' else M)
    active = landmarks.active()
    torch.testing.assert_close(active[1], torch.full_like(active[1], constant))
    assert all(kernel.fit(rows).gamma > 0 for rows in active)


@pytest.mark.parametrize(
    'kernel',
    ['linear', dict(type='linear', scale='landmarks'), dict(type='rbf', gamma='median')],
    ids=str,
)
@pytest.mark.parametrize('name', POOLED)
def test_copies(name, kernel):
    """Many copies of three points and two single ones: five different landmarks at most."""
    t, weights, labels, student_map = draw()
    t[:100] = t[torch.arange(100) % 3]
    t[100:] = t[100]
    t[110] = t[0] + 9
    landmarks = build(name, use=Use(build_kernel(kernel)))
    collect(landmarks, t, weights, labels, student_map).commit()
    assert landmarks.num_active == M
    assert landmarks.teacher.isfinite().all()
    if name in ('farthest', 'kmeans'):
        assert len(landmarks.teacher.unique(dim=0)) == 5


@pytest.mark.parametrize('name', POOLED)
@pytest.mark.parametrize('n', [1, 3])
def test_more_landmarks_than_samples(name, n):
    t, weights, labels, student_map = draw()
    landmarks = collect(build(name), t[:n], weights, labels, student_map)
    with pytest.warns(UserWarning, match=f'{n} landmarks are used in the place of num_landmarks=5'):
        landmarks.commit()
    assert landmarks.num_active == n
    assert [len(rows) for rows in landmarks.active()] == [n, n]
    assert not landmarks.teacher[~landmarks.exists].any()
    # And more again at the next refresh.
    collect(landmarks, t, weights, labels, student_map)
    landmarks.commit()
    assert landmarks.num_active == M


@pytest.mark.parametrize('name', POOLED)
def test_nothing_finite_at_all(name):
    t, weights, labels, student_map = draw()
    landmarks = collect(build(name), torch.full_like(t, float('nan')), weights, labels, student_map)
    with pytest.warns(UserWarning, match='0 landmarks are used'):
        landmarks.commit()
    assert not landmarks.ready


@pytest.mark.parametrize('name', ('random', 'kmeans++', 'farthest', 'leverage'))
def test_drawn_landmarks_are_samples_none_twice(name):
    t, *rest = draw()
    landmarks = collect(build(name), t, *rest)
    landmarks.commit()
    distances = pairwise_distances(landmarks.teacher, t)
    assert distances.min(1).max() < 1e-5
    assert len(set(distances.argmin(1))) == M


def test_only_a_commit_writes_landmarks_and_always_as_new_tensors(name):
    """Whoever keeps what was made of landmarks can tell by ``is`` that there are new ones."""
    data = draw()
    landmarks = collect(build(name), *data)
    landmarks.commit()
    for _ in range(2):
        before = landmarks.active()
        copies = [rows.clone() for rows in before]
        collect(landmarks, 2 * data[0], 2 * data[1], *data[2:])
        assert all(a is b for a, b in zip(landmarks.active(), before, strict=True))
        landmarks.commit()
        assert not any(a is b for a, b in zip(landmarks.active(), before, strict=True))
        assert all(map(torch.equal, before, copies))


def test_collector_0_decides(name):
    """What broadcast gives is what is written: nothing of this collector's own."""
    landmarks = collect(build(name), *draw())
    landmarks.commit(lambda x: None, lambda x: [x], lambda x: x.fill_(3))
    for rows in (*landmarks.active(), landmarks.active_weight()):
        assert (rows == 3).all()


def test_the_state_of_another_strategy_is_refused(name):
    other = 'random' if name != 'random' else 'kmeans'
    landmarks = collect(build(other), *draw())
    landmarks.commit()
    with pytest.raises(ValueError, match=f"of the strategy '{other}' .* asks for type='"):
        build(name).load_state_dict(landmarks.state_dict())


def test_what_a_checkpoint_lacks_or_has_beside_is_reported(name):
    """By torch's own words: none of these is "All keys matched"."""
    found = build(name).load_state_dict({}, strict=False)
    assert 'strategy' in found.missing_keys and found.unexpected_keys == []
    state = build(name).state_dict()
    found = build(name).load_state_dict({**state, 'bogus': torch.ones(1)}, strict=False)
    assert found.missing_keys == [] and found.unexpected_keys == ['bogus']
    assert str(build(name).load_state_dict(state)) == '<All keys matched successfully>'


MATRIX = [[1.0, 2.0]]


@pytest.mark.parametrize(
    ('spec', 'error', 'words'),
    [
        (dict(type='centre', num_landmarks=3), ValueError, r"'centre'.* is unknown.*'class_center'"),
        (dict(num_landmarks=3), ValueError, 'is unknown'),
        (None, TypeError, 'landmarks=None must be a name or a dict'),
        (
            dict(type='class_center'),
            TypeError,
            r"missing a required argument: 'num_landmarks'.*class_center\(",
        ),
        (
            dict(type='random', num_landmarks=3, classes=3),
            TypeError,
            "unexpected keyword argument 'classes'",
        ),
        *(
            (dict(type=name, num_landmarks=0), ValueError, 'landmarks: num_landmarks=0')
            for name in POOLED
        ),
        (dict(type='class_center', num_landmarks=0), ValueError, 'landmarks: num_landmarks=0'),
        (dict(type='kmeans', num_landmarks=9, pool_size=8), ValueError, 'pool_size=8 is smaller than'),
        (dict(type='leverage', num_landmarks=3, ridge=0), ValueError, 'ridge=0 must be .* > 0'),
        (dict(type='classifier', num_landmarks=0), ValueError, 'num_landmarks=0'),
        (dict(type='classifier', init='pass'), ValueError, 'exist from the first iteration'),
        (dict(type='fixed'), ValueError, 'given by indices=.*give one of these'),
        (dict(type='fixed', indices=[1], student=MATRIX, teacher=MATRIX), ValueError, 'give one of'),
        (dict(type='fixed', student=MATRIX), ValueError, 'give one of these'),
        (dict(type='fixed', indices=[]), ValueError, 'indices holds 0 positions'),
        (
            dict(type='fixed', indices=[1, 1]),
            ValueError,
            'indices holds 2 positions, 1 of them different',
        ),
        (dict(type='fixed', indices=[-1]), ValueError, 'indices=-1 must be an integer >= 0'),
        (dict(type='fixed', indices=[1.5]), ValueError, r'indices=1\.5'),
        (dict(type='fixed', indices=[1], num_landmarks=2), ValueError, 'num_landmarks=2, but 1'),
        (dict(type='fixed', student=MATRIX, teacher=MATRIX * 2), ValueError, r'\(1, 2\) and \(2, 2\)'),
        (dict(type='fixed', student=[[float('nan')]], teacher=[[1.0]]), ValueError, 'finite matrices'),
        (
            dict(type='fixed', student=MATRIX, teacher=MATRIX, init='pass'),
            ValueError,
            "init='pass': landmarks given as student and teacher never change",
        ),
    ],
)
def test_nonsense_is_refused(spec, error, words):
    with pytest.raises(error, match=words):
        build_landmarks(spec)
