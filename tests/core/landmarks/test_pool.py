"""The reservoir: a uniform sample, the same however it is collected."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mmnystrom.core.landmarks import Random


def pairs(n, start=0):
    """Feature pairs that tell which sample they are."""
    number = torch.arange(start, start + n, dtype=torch.float32)
    return torch.stack([number, number + 0.5], 1), torch.stack([-number, number, 2 * number], 1)


def filled(n, batch=7, seed=0, m=4, pool_size=20, stream=0, start=0):
    landmarks = Random(m, pool_size=pool_size, seed=seed)
    landmarks.collector_id = stream
    s, t = pairs(n, start)
    for i in range(0, n, batch):
        landmarks.observe(s[i : i + batch], t[i : i + batch])
    return landmarks


def members(landmarks):
    return sorted(landmarks.pool()[0][:, 0].int().tolist())


def gather_with(*others):
    """What all_gather gives to the first of several collectors, tensor by tensor."""
    queues = []
    for other in others:
        queues.append(iter([other.pool_keys, other.offered, other.pool_student, other.pool_teacher]))
    return lambda tensor: [tensor, *(next(queue) for queue in queues)]


def test_pairs_stay_together():
    landmarks = filled(100)
    student, teacher = landmarks.pool()
    assert student.shape == (20, 2)
    assert teacher.shape == (20, 3)
    torch.testing.assert_close(student[:, 0], -teacher[:, 0])
    assert len(set(members(landmarks))) == 20


def test_fewer_samples_than_the_pool_holds():
    assert members(filled(13)) == list(range(13))


def test_every_sample_is_as_likely():
    """Chi-square over 600 seeds, 20 of 100 samples each."""
    counts = np.zeros(100)
    for seed in range(600):
        counts[members(filled(100, batch=32, seed=seed))] += 1
    # Sampling without replacement has less variance than the test assumes: it can only pass more.
    assert chisquare(counts).pvalue > 0.01
    assert counts.std() > 1


def test_two_pools_together_are_a_sample_of_all():
    counts = np.zeros(120)
    for seed in range(600):
        first, second = filled(30, seed=seed), filled(90, seed=seed, stream=1, start=30)
        first.synchronize(None, gather_with(second))
        assert int(first.offered) == 120
        counts[members(first)] += 1
    assert chisquare(counts).pvalue > 0.01
    # The unlike sizes of the two parts are respected: 30 of 120.
    assert counts[:30].sum() / counts.sum() == pytest.approx(0.25, abs=0.01)


def test_every_collector_ends_with_the_same_landmarks():
    def both():
        return filled(30, m=6), filled(90, m=6, stream=1, start=30)

    first, second = both()
    first.synchronize(None, gather_with(both()[1]))
    other = both()[0]
    queue = iter([other.pool_keys, other.offered, other.pool_student, other.pool_teacher])
    second.synchronize(None, lambda tensor: [next(queue), tensor])
    for landmarks in (first, second):
        landmarks.commit()
    assert torch.equal(first.student, second.student)
    assert torch.equal(first.teacher, second.teacher)


def test_the_draw_does_not_depend_on_the_collector():
    first, second = filled(100), filled(100)
    second.collector_id = 1
    first.commit()
    second.commit()
    assert torch.equal(first.student, second.student)


def test_seed_and_refresh_change_the_sample():
    landmarks = filled(100)
    before = members(landmarks)
    assert before != members(filled(100, seed=1))
    landmarks.commit()
    for i in range(0, 100, 7):
        landmarks.observe(*(rows[i : i + 7] for rows in pairs(100)))
    assert members(landmarks) != before


@pytest.mark.parametrize('after', [3, 10])  # the pool not yet full, and full
def test_collecting_goes_on_from_a_checkpoint(after):
    whole, part = filled(100), filled(7 * after)
    resumed = Random(4, pool_size=20)
    resumed.load_state_dict(part.state_dict())
    s, t = pairs(100)
    for i in range(7 * after, 100, 7):
        resumed.observe(s[i : i + 7], t[i : i + 7])
    assert members(resumed) == members(whole)
    resumed.commit()
    whole.commit()
    assert torch.equal(resumed.student, whole.student)


def test_a_checkpoint_holds_no_more_of_the_pool_than_is_filled():
    state = filled(13).state_dict()
    assert state['pool_student'].shape == (13, 2)
    landmarks = filled(100)
    landmarks.commit()
    assert not any(name.startswith('pool') for name in landmarks.state_dict())
    assert list(landmarks.buffers()) == []


def test_a_checkpoint_of_a_larger_pool_gives_its_smallest_keys():
    small = Random(4, pool_size=10)
    small.load_state_dict(filled(100).state_dict())
    reference = filled(100)
    assert small.filled == 10
    assert set(members(small)) < set(members(reference))


def test_who_has_handed_over_empties_the_pool_and_counts_on():
    landmarks = filled(50)
    landmarks.clear_synced()
    assert landmarks.filled == 20  # collector 0 keeps what it has taken over
    landmarks.collector_id = 1
    landmarks.clear_synced()
    assert landmarks.filled == 0
    assert int(landmarks.offered) == 50
    landmarks.discard_pending()
    assert int(landmarks.offered) == 0


def test_what_is_not_finite_never_becomes_a_landmark():
    landmarks = Random(4, pool_size=20)
    s, t = pairs(10)
    s[2, 1], t[5, 0] = float('nan'), float('inf')
    landmarks.observe(s, t)
    assert landmarks.collection_warning() is None
    landmarks.commit()
    assert landmarks.collection_warning().startswith('2 of the feature pairs in the pool were not finite')
    assert landmarks.student.isfinite().all()
    assert not set(landmarks.student[:, 0].tolist()) & {2.0, 5.0}


def test_memory_does_not_grow_with_the_number_of_images():
    def size(n):
        landmarks = filled(n, batch=100)
        return sum(tensor.numel() * tensor.element_size() for tensor in landmarks.saved_state().values())

    assert size(10_000) == size(200)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(dtype):
    landmarks = Random(2, pool_size=4)
    landmarks.observe(torch.ones(3, 2, dtype=dtype), torch.ones(3, 2, dtype=dtype))
    landmarks.commit()
    assert landmarks.student.dtype == torch.float32


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(pool_size=3), 'pool_size=3 is smaller than num_landmarks=4'),
        (dict(pool_size=0), 'pool_size=0 must be an integer >= 1'),
        (dict(pool_size=2.5), r'pool_size=2\.5'),
        (dict(seed=-1), 'seed=-1 must be an integer >= 0'),
        (dict(init='epoch'), r"init='epoch' is unknown: write one of \[None, 'pass'\]"),
        (dict(refresh=dict(interval=0)), 'refresh: interval=0 must be an integer >= 1'),
        (dict(refresh=dict(by_epoch=1)), 'refresh: by_epoch=1 must be True or False'),
        (dict(refresh=dict(momentum=1.0)), r'refresh: momentum=1\.0 must be .* < 1'),
        (dict(refresh=dict(momentum=0.5)), r'momentum=0\.5 makes no sense here: row j is another'),
        (dict(refresh=5), 'refresh=5 must be a dict'),
        (dict(refresh=dict(every=5)), "refresh=.*'every'.*It takes by_epoch, interval and momentum"),
    ],
)
def test_nonsense_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Random(4, **arguments)


def test_default_pool_size():
    assert Random(100).pool_size == 2048
    assert Random(1000).pool_size == 4000
