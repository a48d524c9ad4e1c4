"""The rows of the classifiers."""

import pytest
import torch

from mmnystrom.core import KernelTransferLoss
from mmnystrom.core.landmarks import build_landmarks


def test_classifier():
    s, t = torch.randn(8, 4), torch.randn(8, 6)
    landmarks = build_landmarks('classifier')
    weights = torch.nn.Parameter(torch.randn(3, 4)), torch.nn.Parameter(torch.randn(3, 6))
    landmarks.observe(s, t, weights)
    landmarks.commit()
    assert torch.equal(landmarks.student, weights[0])
    assert not landmarks.student.requires_grad
    with torch.no_grad():
        weights[0].add_(1)
    assert not torch.equal(landmarks.student, weights[0])  # a copy, until the next batch
    landmarks.observe(s, t, weights)
    landmarks.commit()
    assert torch.equal(landmarks.student, weights[0])
    assert int(landmarks.refreshes) == 2


@pytest.mark.parametrize(
    ('kernel', 'by_epoch'),
    [
        ('linear', False),
        (dict(type='linear', scale='landmarks'), False),
        (dict(type='rbf', gamma=0.1), False),
        (dict(type='rbf', gamma='median'), True),
        (dict(type='polynomial', gamma='scale'), True),
    ],
)
def test_a_gamma_is_not_found_anew_in_every_iteration(kernel, by_epoch):
    loss = KernelTransferLoss(dict(type='classifier'), kernel)
    assert loss.landmarks.refresh.by_epoch is by_epoch
    assert loss.landmarks.per_iteration is not by_epoch
    assert loss.landmarks.exist_at_once


def test_a_broadcast_does_not_write_into_the_classifier():
    weights = torch.ones(3, 4), torch.ones(3, 6)
    landmarks = build_landmarks('classifier')
    landmarks.observe(torch.ones(2, 4), torch.ones(2, 6), weights)
    landmarks.commit(lambda x: None, lambda x: [x], lambda x: x.zero_())
    assert all((weight == 1).all() for weight in weights)


def test_moving_averages_of_classifier_rows():
    refresh = dict(by_epoch=False, interval=1, momentum=0.75)
    landmarks = build_landmarks(dict(type='classifier', refresh=refresh))
    for value in (1.0, 5.0):
        landmarks.observe(
            torch.ones(2, 4), torch.ones(2, 6), (torch.full((3, 4), value), torch.ones(3, 6))
        )
        landmarks.commit()
    torch.testing.assert_close(landmarks.student, torch.full((3, 4), 2.0))


@pytest.mark.parametrize(
    ('shapes', 'words'),
    [
        (((3, 5), (3, 6)), r's_weight has shape \(3, 5\) and the features width 4'),
        (((3, 4), (2, 6)), 's_weight has 3 rows and t_weight 2'),
        (((3, 4, 2), (3, 6)), 's_weight must have shape'),
    ],
)
def test_classifier_weights_that_do_not_fit(shapes, words):
    with pytest.raises(ValueError, match=words):
        build_landmarks('classifier').observe(
            torch.ones(8, 4), torch.ones(8, 6), [torch.ones(shape) for shape in shapes]
        )
