"""The watch over how hard a loss pulls: its figure by hand, its warnings, what it leaves alone."""

import copy
from unittest import mock

import pytest
import torch
from mmengine.hooks import Hook
from support import kda_config, train

from mmnystrom.plugin import KDALoss
from mmnystrom.plugin.lookup import kda_losses
from mmnystrom.plugin.pull import WITHOUT_SCALE, lengths_apart, remedy, too_hard


class Moment(Hook):
    """Keeps the model and the batch of an iteration, as the iteration finds them."""

    priority = 'LOW'

    def __init__(self, at):
        self.at = at

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter != self.at:
            return
        distiller = runner.model.distiller
        for manager in (distiller.student_recorders, distiller.teacher_recorders):
            for recorder in manager.recorders.values():
                recorder.reset_data_buffer()  # tensors with a graph cannot be copied
        losses = [loss for loss, _ in kda_losses(runner.model).values()]
        probes = [loss.step.probe for loss in losses]
        for loss in losses:
            loss.step.probe = None
        self.model, self.batch = copy.deepcopy(runner.model), copy.deepcopy(data_batch)
        for loss, probe in zip(losses, probes, strict=True):
            loss.step.probe = probe


def by_hand(moment, feature_of, names):
    """Norms of the gradients of each loss and of the task on a feature, by separate backward passes."""
    model = moment.model
    model.train()
    model.teacher.eval()
    kept = {}
    hook = feature_of(model.student).register_forward_hook(
        lambda module, inputs, output: kept.update(feature=output)
    )
    data = model.data_preprocessor(copy.deepcopy(moment.batch), True)
    losses = model(**data, mode='loss')
    hook.remove()
    norms = {}
    for name in names:
        (gradient,) = torch.autograd.grad(losses[name], kept['feature'], retain_graph=True)
        norms[name] = gradient.norm().item()
    return norms


@pytest.mark.parametrize('kind', ['plain', 'accumulated', 'projected', 'beside another'])
def test_the_ratio_is_that_of_separate_backward_passes(tmp_path, kind):
    location = 'neck-logits' if kind == 'beside another' else 'neck'
    cfg = kda_config(tmp_path, location, epochs=2)
    if kind == 'accumulated':
        cfg.optim_wrapper.accumulative_counts = 2
    if kind == 'projected':
        distiller = cfg.model.distiller
        distiller.connectors = dict(
            project=dict(type='ProjectionConnector', in_channel=32, out_channel=8)
        )
        distiller.loss_forward_mappings.loss_kda.s_feature.connector = 'project'
    moment = Moment(4)  # the first iteration of the second epoch, the first in which the loss acts
    runner, _ = train(cfg, moment)
    names = ['student.loss', 'distill.loss_kda']
    found = by_hand(moment, lambda student: student.neck.gap, names)
    loss = runner.model.distiller.distill_losses.loss_kda
    expected = found['distill.loss_kda'] / found['student.loss']
    assert loss.gradient_ratio == pytest.approx(expected, rel=1e-3)
    logged = runner.message_hub.get_scalar('train/kernel/kda/gradient_ratio').current()
    assert logged == pytest.approx(loss.gradient_ratio)


def test_training_is_the_same_with_and_without_the_watch(tmp_path, monkeypatch):
    curves = []
    for on in (True, False):
        if not on:
            monkeypatch.setattr('mmnystrom.plugin.pull.PullWatch.before_iteration', lambda *args: None)
        curves.append(train(kda_config(tmp_path / str(on), 'neck-logits', epochs=3))[1])
    assert curves[0] == curves[1]
    assert curves[0][-1]['distill.loss_kda'] > 0


def test_one_measurement_an_epoch(tmp_path):
    cfg = kda_config(tmp_path, epochs=4)
    runner, _ = train(cfg)
    assert len(runner.message_hub.get_scalar('train/kernel/kda/gradient_ratio').data[0]) == 3


def test_a_loss_that_pulls_too_hard_is_said_once_with_a_number(tmp_path, caplog):
    cfg = kda_config(tmp_path, 'published_neck', epochs=5)
    cfg.model.distiller.distill_losses.loss_kda.loss_weight = 300.0
    messages = warnings_of(cfg)
    (said,) = [message for message in messages if 'times as hard' in message]
    assert 'loss_kda pulls' in said
    assert WITHOUT_SCALE in said
    weight = float(said.split('loss_weight=')[1].split(',')[0])
    assert 0 < weight < 300


def warnings_of(cfg, *hooks):
    """Every warning of a run."""
    said = []
    with mock.patch('mmnystrom.plugin.once.print_log', lambda message, **kwargs: said.append(message)):
        train(cfg, *hooks)
    return said


class Accuracy(Hook):
    """Puts given accuracies in the place of those that are measured."""

    priority = 'VERY_HIGH'

    def __init__(self, values):
        self.values = list(values)

    def after_val_epoch(self, runner, metrics=None):
        metrics['accuracy/top1'] = self.values.pop(0)


@pytest.mark.parametrize(
    ('accuracies', 'speaks'),
    [
        ([30, 32, 20, 20], True),
        ([30, 32, 20, 31], False),  # one bad validation
        ([30, 32, 28, 28], False),  # less than 5 points
        ([30, 32, 40, 20], False),
    ],
)
def test_accuracy_that_falls_after_the_loss_has_begun(tmp_path, accuracies, speaks):
    cfg = kda_config(tmp_path, epochs=4, custom_hooks=[dict(type='LandmarkHook', warmup_epochs=2)])
    cfg.train_cfg.val_interval = 1
    said = [x for x in warnings_of(cfg, Accuracy(accuracies)) if 'top-1' in x]
    assert bool(said) is speaks
    if speaks:
        assert 'top-1 was 32.0 before loss_kda began and is 20.0 now: set ' in said[0]
        assert said[0].endswith(' for loss_kda.')


def lengths(student, teacher, **arguments):
    loss = KDALoss(landmarks=dict(type='class_center', num_landmarks=2), **arguments)
    loss.name = 'loss_kda'
    rows = torch.eye(2)
    loss.landmarks.observe(student * rows, teacher * rows, torch.arange(2))
    loss.refresh()
    return lengths_apart('loss_kda', loss)


def test_lengths_that_differ_are_said_before_the_damage():
    said = lengths(6.0, 2.0)
    assert "loss_kda: the student's features are 3 times as long as the teacher's, 6 and 2" in said
    assert WITHOUT_SCALE in said
    assert '0.25 times' in lengths(0.5, 2.0)
    assert lengths(3.0, 2.0) is None
    assert lengths(6.0, 2.0, preset='landmark_cka') is None
    assert lengths(6.0, 2.0, kernel=dict(type='linear', scale='landmarks')) is None
    assert lengths(0.0, 2.0) is None


def test_lengths_are_looked_at_when_the_loss_is_about_to_act(tmp_path):
    """Three epochs of warm-up: after the third, once; not in a run that ends there."""
    for epochs, times in ((5, 1), (3, 0)):
        hook = dict(type='LandmarkHook', warmup_epochs=3)
        cfg = kda_config(tmp_path / str(epochs), 'published_neck', epochs, custom_hooks=[hook])
        said = [x for x in warnings_of(cfg) if 'times as long' in x]
        assert len(said) == times  # the untrained teacher's features are a third as long


def test_what_to_write():
    plain = KDALoss(landmarks=dict(type='class_center', num_landmarks=2), loss_weight=0.231)
    assert remedy(plain, 40.0) == f'loss_weight=0.006, or {WITHOUT_SCALE}'
    for preset, weight in (('nystrom_correlation', 10), ('landmark_cka', 3)):  # the zoo's
        assert repr(preset) in WITHOUT_SCALE and f'loss_weight={weight}' in WITHOUT_SCALE
        assert KDALoss(landmarks=dict(type='class_center', num_landmarks=2), preset=preset).scale_free
    assert remedy(KDALoss(preset='cka', loss_weight=100.0), 20.0) == 'loss_weight=5'
    assert remedy(KDALoss(preset='cka'), None) == 'a smaller loss_weight'


@pytest.mark.parametrize(
    ('ratios', 'preset', 'speaks'),
    [
        ([40.0], None, False),  # one epoch
        ([3.6, 1.2], None, True),
        ([1.8, 1.8], None, False),
        ([12.0, 15.0], 'landmark_cka', False),  # measured: harmless where there is no scale
        ([40.0, 15.0], 'landmark_cka', True),
        ([60.0, 28.0], 'nystrom_correlation', False),  # measured: it gains as much as with less
        ([212.0, 30.0], 'nystrom_correlation', True),
    ],
)
def test_too_hard_is_the_mean_of_two_epochs(ratios, preset, speaks):
    landmarks = dict(type='class_center', num_landmarks=2)
    loss = KDALoss(landmarks=landmarks, loss_weight=3.0, preset=preset)
    said = too_hard('loss_kda', loss, ratios)
    assert bool(said) is speaks
    if speaks:
        assert said.startswith('loss_kda pulls ')
        assert ('landmark_cka' in said) is (preset is None)
