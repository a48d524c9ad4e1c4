"""What an iteration asks of a GPU, found out without one."""

from contextlib import nullcontext
from dataclasses import fields, replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmnystrom.core import KernelTransferLoss, finite_samples

fake_tensor = pytest.importorskip('torch._subclasses.fake_tensor')

N, M, D_S, D_T = 32, 5, 8, 10
#: Operations that only look at a tensor in another way, or make an empty one.
NO_LAUNCH = (
    *('_unsafe_view', 'alias', 'as_strided', 'detach', 'empty', 'empty_like', 'expand', 'permute'),
    *('select', 'slice', 'squeeze', 't', 'transpose', 'unsqueeze', 'view'),
    'scalar_tensor',  # on the CPU
    'ones_like',  # the gradient of the whole loss of a step
)


class Launches(TorchDispatchMode):
    """Names of the operations that ran."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.__name__.split('.')[0]
        if name not in NO_LAUNCH:
            self.names.append(name)
        return function(*args, **(kwargs or {}))


def batch(seed=0):
    torch.manual_seed(seed)
    return torch.randn(N, D_S), torch.randn(N, D_T)


def extra_of(loss):
    weights = torch.randn(M, D_S), torch.randn(M, D_T)
    labels = torch.arange(N) % M
    return dict(labels=labels, weights=weights, indices=torch.arange(N)).get(loss.landmarks.needs)


def trained(landmarks, **choices):
    """A loss that has landmarks and has begun to collect the next."""
    loss = KernelTransferLoss(landmarks, **choices)
    loss.observe(*batch(), extra_of(loss))
    loss.refresh()
    loss.observe(*batch(1), extra_of(loss))
    loss(*batch(1))
    return loss


def moved(loss, move):
    """Everything that a refresh has made, on another device."""
    loss.landmarks._move(move)
    maps = []
    for found in loss._maps:
        held = {field.name: getattr(found, field.name) for field in fields(found)}
        held = {name: value for name, value in held.items() if isinstance(value, torch.Tensor)}
        maps.append(replace(found, **{name: move(value) for name, value in held.items()}))
    loss._maps = tuple(maps)
    loss._made_of = loss.landmarks.student, loss.landmarks.teacher


@pytest.mark.parametrize(('dtype', 'most'), [(torch.float32, 30), (torch.bfloat16, 33)])
def test_launches_of_an_iteration_with_class_centres(monkeypatch, dtype, most):
    """Collecting, the loss, and its gradient."""
    loss = trained(dict(type='class_center', num_landmarks=M), loss_weight=0.04)
    for module in ('features', 'loss'):  # autocast does not know the device
        monkeypatch.setattr(f'mmnystrom.core.{module}.without_autocast', lambda device: nullcontext())
    moved(loss, lambda x: x.to('meta'))
    s, t = (x.to('meta', dtype) for x in batch())
    s.requires_grad_()
    labels = extra_of(loss).to('meta')
    loss.observe(s.detach(), t, labels)
    loss(s, t)
    with Launches() as launches:
        finite = finite_samples(s, t)
        loss.observe(s.detach(), t, labels, finite)
        loss(s, t, finite).backward()
    assert len(launches.names) <= most, launches.names


LANDMARKS = {
    'class_center': dict(num_landmarks=M),
    'class_center, running': dict(num_landmarks=M, update='running'),
    'random': dict(num_landmarks=M, pool_size=16),
    'kmeans': dict(num_landmarks=M, pool_size=16),
    'classifier': {},
}
CHOICES = {
    'published': {},
    'landmark_cka': dict(preset='landmark_cka'),
    'nystrom': dict(form='nystrom'),
    'nystrom_correlation': dict(preset='nystrom_correlation'),
    'scale': dict(kernel=dict(type='linear', scale='landmarks')),
    'median': dict(kernel=dict(type='rbf', gamma='median')),
    'kl': dict(distance='kl'),
}


@pytest.mark.parametrize('choice', CHOICES)
@pytest.mark.parametrize('landmarks', LANDMARKS)
def test_an_iteration_does_not_wait_for_the_device(landmarks, choice):
    """A tensor of this mode has no values, so that to look at one is an error."""
    kind = landmarks.partition(',')[0]
    loss = trained(dict(type=kind, **LANDMARKS[landmarks]), **CHOICES[choice])
    with fake_tensor.FakeTensorMode(allow_non_fake_inputs=True) as mode:

        def move(x):
            return mode.from_tensor(x).to('cuda')

        moved(loss, move)
        s, t = (move(x) for x in batch())
        extra = extra_of(loss)
        if loss.landmarks.needs:
            extra = tuple(map(move, extra)) if isinstance(extra, tuple) else move(extra)
        for _ in range(2):
            loss.observe(s, t, extra)
            if loss.landmarks.per_iteration:
                loss.refresh()
            assert loss(s, t).device.type == 'cuda'


def test_the_fake_device_would_show_it():
    with fake_tensor.FakeTensorMode(), pytest.raises(fake_tensor.DataDependentOutputException):
        torch.zeros((), device='cuda').item()
