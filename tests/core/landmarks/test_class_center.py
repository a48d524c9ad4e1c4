"""Class centres against numpy's class means, and what happens to their state."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from mmnystrom.core.landmarks import ClassCenter

M, D_S, D_T = 6, 4, 7


def draw(n=200, seed=0, classes=M):
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, n, p=rng.dirichlet(np.ones(classes)))
    labels[:classes] = np.arange(classes)
    return rng.standard_normal((n, D_S)), rng.standard_normal((n, D_T)), labels


def observe(landmarks, s, t, labels, batch=32, dtype=torch.float32):
    s, t = torch.from_numpy(s).to(dtype), torch.from_numpy(t).to(dtype)
    labels = torch.from_numpy(labels)
    for i in range(0, len(s), batch):
        landmarks.observe(s[i : i + batch], t[i : i + batch], labels[i : i + batch])


def class_means(features, labels):
    return np.stack([features[labels == j].mean(0) for j in range(M)])


def test_landmarks_are_class_means():
    s, t, labels = draw()
    landmarks = ClassCenter(M)
    assert not landmarks.ready
    observe(landmarks, s, t, labels)
    assert not landmarks.ready
    landmarks.commit()
    assert landmarks.ready
    np.testing.assert_allclose(landmarks.student, class_means(s, labels), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(landmarks.teacher, class_means(t, labels), rtol=1e-5, atol=1e-6)
    assert landmarks.refreshes == 1
    assert not landmarks.count.any()


def test_sums_of_many_samples_keep_their_precision():
    """A float32 sum of this many loses the third digit."""
    landmarks = ClassCenter(1)
    s, t = torch.full((4096, 1), 0.1), torch.ones(4096, 1)
    labels = torch.zeros(4096, dtype=torch.long)
    for _ in range(500):
        landmarks.observe(s, t, labels)
    landmarks.commit()
    assert landmarks.student.item() == pytest.approx(0.1, rel=1e-6)


def test_soft_labels_weigh():
    s, t, _ = draw()
    rng = np.random.default_rng(1)
    soft = rng.dirichlet(np.ones(M), len(s)).astype(np.float32)
    soft[:, 2] = 0
    soft /= soft.sum(1, keepdims=True)
    landmarks = ClassCenter(M)
    observe(landmarks, s, t, soft)
    np.testing.assert_allclose(landmarks.count, soft.sum(0), rtol=1e-5)
    landmarks.commit()
    seen = [0, 1, 3, 4, 5]
    expected = (soft.T @ s)[seen] / soft.sum(0)[seen, None]
    np.testing.assert_allclose(landmarks.student[seen], expected, rtol=1e-4, atol=1e-6)
    assert landmarks.exists.tolist() == [True, True, False, True, True, True]


def test_one_hot_soft_labels_are_hard_labels():
    s, t, labels = draw()
    hard, soft = ClassCenter(M), ClassCenter(M)
    observe(hard, s, t, labels)
    observe(soft, s, t, np.eye(M, dtype=np.int64)[labels])
    hard.commit()
    soft.commit()
    torch.testing.assert_close(hard.student, soft.student)


def test_a_class_not_seen_keeps_its_landmark_and_one_never_seen_is_zero():
    landmarks = ClassCenter(3)
    row = torch.ones(1, 2)
    landmarks.observe(row, row, torch.tensor([0]))
    landmarks.commit()
    landmarks.observe(5 * row, 5 * row, torch.tensor([1]))
    landmarks.commit()
    assert landmarks.student.tolist() == [[1, 1], [5, 5], [0, 0]]
    assert landmarks.exists.tolist() == [True, True, False]
    landmarks.commit()  # an epoch that saw nothing at all
    assert landmarks.student.tolist() == [[1, 1], [5, 5], [0, 0]]
    assert torch.isfinite(landmarks.teacher).all()


def test_what_is_not_finite_never_enters():
    s, t, labels = draw(n=50)
    clean = ClassCenter(M)
    keep = np.ones(50, dtype=bool)
    keep[[3, 10, 20]] = False
    observe(clean, s[keep], t[keep], labels[keep])
    s[3, 0], t[10, 1], s[20] = np.nan, np.inf, -np.inf
    dirty = ClassCenter(M)
    observe(dirty, s, t, labels)
    assert dirty.rejected == 3
    torch.testing.assert_close(dirty.count, clean.count)
    dirty.commit()
    clean.commit()
    torch.testing.assert_close(dirty.student, clean.student)
    torch.testing.assert_close(dirty.teacher, clean.teacher)
    assert dirty.rejected == 0


def test_soft_labels_that_are_no_probabilities_never_enter():
    landmarks = ClassCenter(2)
    soft = torch.tensor([[1.0, 0.0], [float('nan'), 1.0], [-1.0, 2.0], [0.5, 0.6], [0.5, 0.505]])
    landmarks.observe(torch.ones(5, 2), torch.ones(5, 2), soft)
    assert landmarks.rejected == 3
    assert landmarks.count.tolist() == pytest.approx([1.5, 0.505])
    with pytest.raises(
        ValueError, match='3 rows of labels .* are no probabilities.*Logits are no labels'
    ):
        landmarks.collection_warning()


def test_soft_labels_in_half_precision_are_probabilities():
    landmarks = ClassCenter(1000)
    soft = torch.full((2, 1000), 0.1 / 1000)
    soft[:, 3] += 0.9
    for dtype in (torch.float16, torch.bfloat16):
        landmarks.observe(torch.ones(2, 2), torch.ones(2, 2), soft.to(dtype))
        assert landmarks.collection_warning() is None


def test_a_class_never_seen_is_named_at_the_first_refresh():
    landmarks = ClassCenter(4)
    row = torch.ones(1, 2)
    landmarks.observe(row, row, torch.tensor([1]))
    with pytest.warns(UserWarning, match='3 of the 4 class centres do not exist: .* class 0, 2, 3 '):
        landmarks.commit()
    landmarks.observe(row, row, torch.tensor([1]))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        landmarks.commit()


def test_labels_outside_are_left_out_and_remembered():
    landmarks = ClassCenter(2)
    rows = torch.ones(3, 2)
    landmarks.observe(rows, rows, torch.tensor([0, 2, -1]))
    assert landmarks.count.tolist() == [1, 0]
    assert landmarks.bad_labels == 2
    with pytest.raises(ValueError, match=r'labels hold -1, which is outside \[0, num_landmarks\)'):
        landmarks.collection_warning()


def test_a_running_mean_does_not_forget_what_was_left_out():
    landmarks = ClassCenter(2, update='running')
    rows = torch.ones(3, 2)
    rows[0] = torch.nan
    for label in (7, 1, 1):
        landmarks.observe(rows, rows, torch.tensor([0, label, 1]))
        landmarks.commit()
    assert landmarks.rejected == 3 and landmarks.bad_labels == 1
    with pytest.raises(ValueError, match='labels hold 7'):
        landmarks.collection_warning()


def test_a_label_is_named_if_its_batch_is_not_long_ago():
    landmarks = ClassCenter(2)
    rows = torch.ones(1, 2)
    for label in (5, *[0] * 20):
        landmarks.observe(rows, rows, torch.tensor([label]))
    with pytest.raises(ValueError, match=r'labels were outside \[0, num_landmarks\) = \[0, 2\)'):
        landmarks.collection_warning()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(dtype):
    s, t, labels = draw()
    landmarks = ClassCenter(M)
    observe(landmarks, s, t, labels, dtype=dtype)
    landmarks.commit()
    assert landmarks.student.dtype == torch.float32
    np.testing.assert_allclose(landmarks.student, class_means(s, labels), rtol=0.02, atol=0.02)


def test_sums_add_over_ranks():
    """Two ranks with uneven parts, a class that only one sees, and an all-reduce by hand."""
    s, t, labels = draw()
    whole, parts = ClassCenter(M), [ClassCenter(M), ClassCenter(M)]
    observe(whole, s, t, labels)
    first = (labels == 0) | (np.arange(len(labels)) < 37)
    observe(parts[0], s[first], t[first], labels[first])
    observe(parts[1], s[~first], t[~first], labels[~first])
    others = iter([parts[1].all_student_sum, parts[1].all_teacher_sum, parts[1].all_count])
    parts[0].synchronize(lambda total: total.add_(next(others)), None)
    whole.commit()
    parts[0].commit()
    torch.testing.assert_close(parts[0].student, whole.student, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(parts[0].teacher, whole.teacher, rtol=1e-6, atol=1e-7)


def test_state_is_no_buffer_and_is_in_the_state_dict():
    s, t, labels = draw()
    landmarks = ClassCenter(M)
    observe(landmarks, s, t, labels)
    landmarks.commit()
    observe(landmarks, s[:40], t[:40], labels[:40])
    assert list(landmarks.buffers()) == []
    state = landmarks.state_dict()
    names = {'student', 'teacher', 'exists', 'weight', 'student_sum', 'teacher_sum', 'count', 'refreshes'}
    assert set(state) == names | {'strategy'}
    assert bytes(state['strategy'].tolist()) == b'class_center'
    restored = ClassCenter(M)
    restored.load_state_dict(state)
    assert restored.ready
    for copied in (restored, copy.deepcopy(landmarks)):
        for name in names:
            torch.testing.assert_close(getattr(copied, name), getattr(landmarks, name))
    # The picture does not move with the sums.
    count = state['count'].clone()
    observe(landmarks, s, t, labels)
    assert torch.equal(state['count'], count)


def test_sums_of_nothing_are_not_saved():
    """As they are after every refresh."""
    s, t, labels = draw()
    landmarks = ClassCenter(M)
    observe(landmarks, s, t, labels)
    landmarks.commit()
    state = landmarks.state_dict()
    assert set(state) == {'student', 'teacher', 'exists', 'weight', 'refreshes', 'drift', 'strategy'} - {
        'drift' if landmarks.drift is None else ''
    }
    restored = ClassCenter(M)
    assert str(restored.load_state_dict(state)) == '<All keys matched successfully>'
    for each in (landmarks, restored):
        observe(each, s[:40], t[:40], labels[:40])
        each.commit()
    assert torch.equal(restored.student, landmarks.student)
    assert torch.equal(restored.teacher, landmarks.teacher)


def test_empty_state():
    landmarks = ClassCenter(M)
    assert set(landmarks.state_dict()) == {'refreshes', 'strategy'}
    ClassCenter(M).load_state_dict(landmarks.state_dict())
    landmarks.discard_pending()
    landmarks.commit()
    assert not landmarks.ready


def test_state_in_a_larger_model():
    def model():
        return nn.ModuleDict(dict(a=ClassCenter(M), ab=ClassCenter(2), linear=nn.Linear(2, 2)))

    first, second = model(), model()
    rows = torch.randn(4, 3)
    first['a'].observe(rows, rows, torch.arange(4))
    first['ab'].observe(rows, rows, torch.tensor([0, 1, 0, 1]))
    second.load_state_dict(first.state_dict())
    assert torch.equal(second['ab'].student_sum, first['ab'].student_sum)
    assert second['a'].count.shape == (M,)


@pytest.mark.parametrize('move', [lambda m: m.half(), lambda m: m.double(), lambda m: m.to('cpu')])
def test_moves_keep_the_dtype(move):
    landmarks = ClassCenter(2)
    landmarks.observe(torch.ones(2, 3), torch.ones(2, 3), torch.tensor([0, 1]))
    landmarks.commit()
    landmarks = move(landmarks)
    assert landmarks.student.dtype == torch.float32
    assert landmarks.count.dtype == torch.float64


def test_moves_to_another_device():
    landmarks = ClassCenter(2)
    landmarks.observe(torch.ones(2, 3), torch.ones(2, 3), torch.tensor([0, 1]))
    landmarks.to('meta')
    sums = (landmarks.student_sum, landmarks.teacher_sum, landmarks.count)
    assert {total.device.type for total in sums} == {'meta'}


def test_checkpoint_of_another_class_count():
    landmarks = ClassCenter(3)
    landmarks.observe(torch.ones(1, 2), torch.ones(1, 2), torch.tensor([0]))
    with pytest.raises(ValueError, match=r'holds 3 landmarks .* num_landmarks=5'):
        ClassCenter(5).load_state_dict(landmarks.state_dict())


def test_checkpoint_of_another_width():
    landmarks = ClassCenter(3)
    landmarks.observe(torch.ones(1, 2), torch.ones(1, 8), torch.tensor([0]))
    landmarks.commit()
    other = ClassCenter(3)
    other.load_state_dict(landmarks.state_dict())
    with pytest.raises(ValueError, match=r"teacher's landmarks have width 8 and its features width 4"):
        other.observe(torch.ones(1, 2), torch.ones(1, 4), torch.tensor([0]))


def saved(m=3, d_s=2, d_t=4):
    landmarks = ClassCenter(m)
    for _ in range(2):  # what comes after the commit is in the sums
        landmarks.observe(torch.ones(m, d_s), torch.ones(m, d_t), torch.arange(m))
        if not landmarks.ready:
            landmarks.commit()
    return landmarks.state_dict()


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('student', torch.ones(3), r'holds student of shape \(3,\), where \(m, d_S\) belongs'),
        ('student', torch.ones(3, 5), r'student_sum of shape \(3, 2\), where \(3, 5\) belongs'),
        ('teacher', torch.ones(2, 4), r'teacher of shape \(2, 4\), where \(3, d_T\) belongs'),
        ('exists', torch.ones(3, 1, dtype=torch.bool), r'exists of shape \(3, 1\), where \(3\) belongs'),
        ('refreshes', torch.ones(2), r'refreshes of shape \(2,\), where \(\) belongs'),
        ('count', [1, 2, 3], 'count of type list, where a tensor belongs'),
        ('student', torch.full((3, 2), torch.nan), '6 numbers in student that are NaN.*diverged'),
        ('teacher_sum', torch.full((3, 4), torch.inf), '12 numbers in teacher_sum that are NaN or'),
        ('strategy', 'kmeans', 'strategy of type str, where a tensor belongs'),
        ('strategy', torch.tensor([-1.5, 300.0]), "asks for type='class_center'"),
        ('strategy', torch.tensor(list(b'kmeans')), "strategy 'kmeans' .* asks for type='class_center'"),
    ],
)
def test_a_checkpoint_that_does_not_fit(name, value, words):
    state = {**saved(), name: value}
    with pytest.raises(ValueError, match=words):
        ClassCenter(3).load_state_dict(state)


@pytest.mark.parametrize('name', ['student', 'teacher', 'exists', 'refreshes'])
def test_a_checkpoint_without_one_of_its_landmarks(name):
    state = saved()
    del state[name]
    with pytest.raises(ValueError, match=f'without {name}: take another checkpoint'):
        ClassCenter(3).load_state_dict(state)


def test_a_checkpoint_of_version_0_1_has_no_name_of_a_strategy():
    state = saved()
    del state['strategy']
    landmarks = ClassCenter(3)
    assert str(landmarks.load_state_dict(state)) == '<All keys matched successfully>'
    assert landmarks.ready


def test_what_a_checkpoint_holds_beside_is_unexpected():
    state = {**saved(), 'pool_keys': torch.ones(1)}
    with pytest.raises(RuntimeError, match='Unexpected key.*pool_keys'):
        ClassCenter(3).load_state_dict(state)


def test_incomplete_checkpoint():
    landmarks = ClassCenter(3)
    landmarks.observe(torch.ones(1, 2), torch.ones(1, 2), torch.tensor([0]))
    state = landmarks.state_dict()
    del state['count']
    with pytest.raises(ValueError, match='without count'):
        ClassCenter(3).load_state_dict(state)


@pytest.mark.parametrize(
    ('labels', 'words'),
    [
        (torch.zeros(3, dtype=torch.long), r'got \(3,\)'),
        (torch.zeros(4, 5), r'\(4, 2\), got \(4, 5\)'),
        (torch.zeros(4), 'must be integers'),
    ],
)
def test_bad_labels(labels, words):
    with pytest.raises(ValueError, match=words):
        ClassCenter(2).observe(torch.ones(4, 2), torch.ones(4, 2), labels)


@pytest.mark.parametrize('m', [0, -1, 2.5, '10', True, None])
def test_bad_num_landmarks(m):
    with pytest.raises(
        ValueError, match='num_landmarks=.*must be an integer >= 1: the number of classes'
    ):
        ClassCenter(m)


def test_moving_average():
    landmarks = ClassCenter(3, refresh=dict(momentum=0.75))
    row = torch.ones(1, 2)
    for value, label in ((1.0, 0), (5.0, 0), (9.0, 1)):
        landmarks.observe(value * row, -value * row, torch.tensor([label]))
        landmarks.commit()
    # 1; then 0.75 * 1 + 0.25 * 5 = 2, kept; a landmark's first value is taken whole.
    assert landmarks.student.tolist() == [[2, 2], [9, 9], [0, 0]]
    assert landmarks.teacher.tolist() == [[-2, -2], [-9, -9], [0, 0]]


def test_drift():
    landmarks = ClassCenter(3)
    row = torch.ones(1, 2)
    for value, label in ((1.0, 0), (4.0, 1), (3.0, 0)):
        landmarks.observe(value * row, 2 * value * row, torch.tensor([label]))
        assert landmarks.drift is None
        landmarks.commit()
    assert landmarks.drift.tolist() == [2, 2]  # of landmark 0 alone: from 1 to 3
    copied = ClassCenter(3)
    copied.load_state_dict(landmarks.state_dict())
    assert copied.drift.tolist() == [2, 2]


def running(decay=None):
    refresh = {} if decay is None else dict(refresh=dict(momentum=decay))
    return ClassCenter(M, update='running', **refresh)


def fading_means(features, labels, batch, decay):
    """The formula: every image weighs decay^k, k the iterations since it was met."""
    n = len(features)
    steps = -(-n // batch)
    weight = decay ** (steps - 1 - np.arange(n) // batch)
    means = [
        np.average(features[labels == j], axis=0, weights=weight[labels == j])
        if (labels == j).any()
        else np.zeros(features.shape[1])
        for j in range(M)
    ]
    return np.stack(means), np.array([weight[labels == j].sum() for j in range(M)])


@pytest.mark.parametrize('decay', [None, 0.5])
def test_running_means_fade(decay):
    s, t, labels = draw()
    landmarks = running(decay)
    for i in range(0, len(s), 32):
        observe(landmarks, s[i : i + 32], t[i : i + 32], labels[i : i + 32])
        landmarks.commit()
        expected, weight = fading_means(
            s[: i + 32], labels[: i + 32], 32, 0.9 if decay is None else decay
        )
        np.testing.assert_allclose(landmarks.student, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(landmarks.weight, weight, rtol=1e-5)
    assert landmarks.refreshes == 7
    assert landmarks.exists.all()


def test_without_memory_a_running_mean_is_that_of_the_batch():
    """And a class that the batch has not keeps its landmark."""
    s, t, _ = draw(n=8)
    landmarks = running(0.0)
    for part, labels in ((slice(0, 4), [0, 0, 1, 2]), (slice(4, 8), [0, 0, 1, 1])):
        observe(landmarks, s[part], t[part], np.array(labels))
        landmarks.commit()
    expected = [s[4:6].mean(0), s[6:8].mean(0), s[3]]
    np.testing.assert_allclose(landmarks.student[:3], np.stack(expected), rtol=1e-5, atol=1e-6)
    assert landmarks.exists.tolist() == [True, True, True, False, False, False]


def test_a_running_mean_of_two_collectors_is_that_of_one():
    """One of them goes on with what has faded, the other begins anew."""
    s, t, labels = draw(n=192)
    one, pair = running(), [running(), running()]

    def all_reduce_of(rank, totals):
        def all_reduce(tensor):
            tensor.copy_(totals.pop(0))

        return all_reduce

    for i in range(0, len(s), 32):
        observe(one, s[i : i + 32], t[i : i + 32], labels[i : i + 32])
        one.commit()
        for rank, each in enumerate(pair):
            part = slice(i + rank, i + 32, 2)
            observe(each, s[part], t[part], labels[part])
        sums = [each.tensors(lambda entry: entry.reduce == 'sum').values() for each in pair]
        totals = [sum(both) for both in zip(*sums, strict=True)]
        for rank, each in enumerate(pair):
            each.collector_id = rank
            each.commit(all_reduce_of(rank, [x.clone() for x in totals]))
        for each in pair:
            torch.testing.assert_close(each.student, one.student, rtol=1e-6, atol=1e-6)
            torch.testing.assert_close(each.weight, one.weight, rtol=1e-6, atol=1e-6)


def test_a_running_mean_goes_on_from_a_checkpoint():
    s, t, labels = draw()
    landmarks = running()
    for i in range(0, 96, 32):
        observe(landmarks, s[i : i + 32], t[i : i + 32], labels[i : i + 32])
        landmarks.commit()
    other = running()
    other.load_state_dict(landmarks.state_dict())
    for each in (landmarks, other):
        observe(each, s[96:128], t[96:128], labels[96:128])
        each.commit()
    assert torch.equal(other.student, landmarks.student)
    assert torch.equal(other.weight, landmarks.weight)


def test_what_has_faded_keeps_its_landmark():
    """A class that comes no more for ten thousand iterations: no quotient of two zeros."""
    landmarks = running(0.5)
    s, t, labels = draw(n=M)
    observe(landmarks, s, t, np.arange(M))
    landmarks.commit()
    first = landmarks.student.clone()
    for _ in range(2000):
        observe(landmarks, s[:1], t[:1], np.zeros(1, dtype=np.int64))
        landmarks.commit()
    torch.testing.assert_close(landmarks.student, first, rtol=1e-5, atol=1e-6)
    assert landmarks.student.isfinite().all()


def test_running_takes_no_interval():
    with pytest.raises(ValueError, match=r"update='running' renews .* refresh=dict\(momentum=0.9\)"):
        ClassCenter(M, refresh=dict(interval=5), update='running')
    with pytest.raises(ValueError, match="update='ema' is unknown"):
        ClassCenter(M, update='ema')


def test_weights_are_counts():
    s, t, labels = draw()
    landmarks = ClassCenter(M)
    observe(landmarks, s, t, labels)
    landmarks.commit()
    assert landmarks.active_weight().tolist() == np.bincount(labels, minlength=M).tolist()
    # A class that is not met again keeps the number it had.
    observe(landmarks, s[:4], t[:4], np.zeros(4, dtype=np.int64))
    landmarks.commit()
    assert landmarks.active_weight().tolist() == [4, *np.bincount(labels, minlength=M)[1:]]
    # Checkpoints of before 0.2 have none.
    state = landmarks.state_dict()
    del state['weight']
    other = ClassCenter(M)
    other.load_state_dict(state)
    assert other.active_weight() is None
    observe(other, s[:4], t[:4], np.zeros(4, dtype=np.int64))
    other.commit()
    assert other.active_weight().tolist() == [4, 1, 1, 1, 1, 1]
