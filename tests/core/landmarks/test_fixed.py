"""Landmarks that the user gives."""

import numpy as np
import pytest
import torch

from mmnystrom.core.landmarks import FixedSamples, build_landmarks


def test_fixed_rows():
    s, t = np.eye(3, 4), 2 * np.eye(3, 6)
    landmarks = build_landmarks(dict(type='fixed', student=s, teacher=t.tolist()))
    assert landmarks.ready
    landmarks.observe(torch.ones(8, 4), torch.ones(8, 6))
    landmarks.commit()
    np.testing.assert_array_equal(landmarks.student, s)
    np.testing.assert_array_equal(landmarks.teacher, t)
    with pytest.raises(ValueError, match='landmarks have width 4 and its features width 5'):
        landmarks.observe(torch.ones(8, 5), torch.ones(8, 6))


def test_fixed_samples():
    """Row j is image indices[j], averaged over the times it was met; others are passed by."""
    rng = np.random.default_rng(0)
    s, t = rng.standard_normal((30, 4)), rng.standard_normal((30, 7))
    landmarks = FixedSamples([17, 3, 29])
    order = np.concatenate([rng.permutation(30), [3, 4]])
    noise = np.zeros(32)
    noise[-2] = 1.0  # image 3 again, otherwise augmented
    for i in range(0, 32, 8):
        part = order[i : i + 8]
        shift = noise[i : i + 8, None]
        landmarks.observe(
            torch.from_numpy(s[part] + shift), torch.from_numpy(t[part]), torch.from_numpy(part)
        )
    landmarks.commit()
    expected = s[[17, 3, 29]]
    expected[1] += 0.5
    np.testing.assert_allclose(landmarks.student, expected, rtol=1e-5)
    np.testing.assert_allclose(landmarks.teacher, t[[17, 3, 29]], rtol=1e-5)


def test_fixed_samples_that_are_never_met():
    landmarks = FixedSamples([1, 50000])
    rows = torch.ones(4, 2)
    landmarks.observe(rows, rows, torch.arange(4))
    with pytest.warns(UserWarning, match='1 of the 2 fixed landmarks were not met'):
        landmarks.commit()
    assert landmarks.num_active == 1
    with pytest.raises(ValueError, match='4 features came with the positions of 3 images'):
        landmarks.observe(rows, rows, torch.arange(3))
