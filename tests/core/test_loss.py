"""The loss against the formula of the authors' code, written in numpy and in plain torch."""

import numpy as np
import pytest
import torch

from mmnystrom.core.loss import partial_transfer_loss


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


@pytest.mark.parametrize('scale', [0.1, 1.0, 30.0])  # the quadratic part, both, the linear part
@pytest.mark.parametrize('seed', range(5))
def test_value_and_student_gradient(seed, scale):
    arrays = draw(seed, scale=scale)
    tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
    loss = partial_transfer_loss(*tensors)
    loss.backward()
    value, gradient = authors_loss(*(array.astype(np.float64) for array in arrays))
    assert loss.item() == pytest.approx(value, rel=1e-6)
    error = np.linalg.norm(tensors[0].grad.numpy() - gradient) / np.linalg.norm(gradient)
    assert error < 1e-6
    assert all(tensor.grad is None for tensor in tensors[1:])


def test_pinned_figure():
    """Of the authors' three lines, run by hand in float64 on these numbers."""
    s = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    t = torch.tensor([[3.0], [1.0]])
    # s_sim = [[1, 2], [0, 1]], t_sim = [[3, 6], [1, 2]]: |d| = 2, 4, 1, 1 -> 1.5 + 3.5 + .5 + .5
    loss = partial_transfer_loss(s, t, torch.eye(2), torch.tensor([[1.0], [2.0]]))
    assert loss.item() == pytest.approx(6 / 50**0.5, rel=1e-6)


def test_gradient_check():
    arrays = [torch.from_numpy(array).double() for array in draw(0)]
    arrays[0].requires_grad_()
    assert torch.autograd.gradcheck(partial_transfer_loss, arrays)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    tensors = [torch.from_numpy(array).to(dtype) for array in draw(0)]
    # Products of these overflow float16.
    tensors[1], tensors[3] = tensors[1] * 200, tensors[3] * 200
    expected, _ = authors_loss(*(tensor.double().numpy() for tensor in tensors))
    loss = partial_transfer_loss(*tensors)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_autocast_changes_nothing():
    tensors = [torch.from_numpy(array) for array in draw(0)]
    expected = partial_transfer_loss(*tensors)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(partial_transfer_loss(*tensors), expected)


def test_a_landmark_of_zeros_adds_nothing():
    arrays = draw(0)
    without = authors_loss(arrays[0], arrays[1], arrays[2][:4], arrays[3][:4])[0]
    arrays[2][4], arrays[3][4] = 0, 0
    tensors = [torch.from_numpy(array) for array in arrays]
    assert partial_transfer_loss(*tensors).item() == pytest.approx(without, rel=1e-6)


def test_a_teacher_of_zeros_gives_zero():
    s, t, s_landmarks, t_landmarks = (torch.from_numpy(array) for array in draw(0))
    s.requires_grad_()
    loss = partial_transfer_loss(s, torch.zeros_like(t), s_landmarks, t_landmarks)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(s.grad, torch.zeros_like(s))
