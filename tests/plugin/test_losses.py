"""KDALoss as a config uses it, and what it says to a config that is wrong."""

import pytest
import torch
from mmengine.registry import MODELS as ROOT_MODELS
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS
from support import kda_config, train

from mmnystrom.core import KernelTransferLoss
from mmnystrom.plugin import KDALoss
from mmnystrom.plugin.losses import Step
from mmnystrom.plugin.watch import NonFiniteError, NonFiniteWatch

CENTER = dict(type='class_center', num_landmarks=3)


def built(**kwargs):
    return MODELS.build(dict(type='mmrazor.KDALoss', landmarks=CENTER, **kwargs))


def attached(**kwargs):
    loss = built(**kwargs)
    loss.attach('loss_kda', ('s_feature', 't_feature', 'gt_label'))
    return loss


def batch(n=8, d_s=4, d_t=6):
    torch.manual_seed(0)
    return torch.randn(n, d_s), torch.randn(n, d_t), torch.arange(n) % 3


def test_registered_in_mmrazor():
    assert isinstance(built(), KDALoss)
    assert ROOT_MODELS.get('mmrazor.KDALoss') is KDALoss


def test_off_until_landmarks_exist_then_the_formula():
    loss = attached(loss_weight=0.04)
    s, t, labels = batch()
    s.requires_grad_()
    assert loss(s, t, labels) == 0
    loss.refresh()
    value = loss(s, t, labels)
    rows = dict(student=loss.landmarks.student, teacher=loss.landmarks.teacher)
    expected = KernelTransferLoss(dict(type='fixed', **rows))(s, t)
    assert value.item() == pytest.approx(0.04 * expected.item(), rel=1e-6)
    loss.step.enabled = False
    assert loss(s, t, labels) == 0


def test_pooled_maps_and_data_samples():
    loss = attached()
    s, t, labels = batch()
    samples = [DataSample().set_gt_label(label.item()) for label in labels]
    loss(s[:, :, None, None], t[:, :, None, None], samples)
    expected = torch.zeros(3, 4).index_add_(0, labels, s)
    torch.testing.assert_close(loss.landmarks.student_sum.float(), expected)


def test_soft_data_samples():
    loss = attached()
    s, t, labels = batch()
    soft = torch.eye(3)[labels] * 0.9 + 0.1 / 3
    loss(s, t, [DataSample().set_gt_score(row) for row in soft])
    torch.testing.assert_close(loss.landmarks.student_sum.float(), soft.T @ s)


def test_eval_mode_adds_nothing():
    loss = attached()
    loss.eval()
    loss(*batch())
    assert loss.landmarks.count is None


def test_off_or_on_every_connector_of_the_students_has_a_gradient():
    """What DistributedDataParallel asks for. What the teacher gives has none, ever."""
    for enabled in (False, True):
        loss = attached()
        s, t, labels = batch()
        loss(s, t, labels)
        loss.refresh()
        loss.step.enabled = enabled
        connector, teacher_connector = torch.nn.Linear(4, 4), torch.nn.Linear(6, 6)
        loss(connector(s), teacher_connector(t), labels).backward()
        assert connector.weight.grad is not None
        assert bool(connector.weight.grad.any()) is enabled
        assert teacher_connector.weight.grad is None


def test_zero_even_for_features_that_are_not_finite():
    s, t, labels = batch()
    s[0] = float('nan')
    assert attached()(s, t, labels) == 0


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    loss = attached()
    s, t, labels = batch()
    for _ in range(2):
        value = loss(s.to(dtype), t.to(dtype), labels)
        loss.refresh()
    assert value.dtype == torch.float32
    assert value > 0


def test_report_of_labels_outside():
    loss = attached()
    s, t, labels = batch()
    loss(s, t, labels)
    loss.report()
    loss(s, t, labels + 1)
    with pytest.raises(
        ValueError, match=r'loss_kda: gt_label: labels hold 3, .* \[0, 3\): set landmarks'
    ):
        loss.report()


def test_report_of_what_is_not_finite_comes_once(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'mmnystrom.plugin.losses.print_log', lambda message, **kwargs: messages.append(message)
    )
    loss = attached()
    s, t, labels = batch()
    s[0] = float('inf')
    for _ in range(3):
        loss(s, t, labels)
        loss.report()
        loss.refresh()
    assert len(messages) == 1
    assert messages[0].startswith('loss_kda: 1 samples have features')
    assert torch.isfinite(loss.landmarks.student).all()


def test_what_is_not_finite_stays_out_of_the_loss_too():
    """The value is that of the batch without it, whatever the landmarks hold."""
    loss = attached()
    s, t, labels = batch()
    loss(s, t, labels)
    loss.refresh()
    s.requires_grad_()
    expected = loss(s[1:], t[1:], labels[1:])
    t[0, 2] = float('nan')
    found = loss(s, t, labels)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    (gradient,) = torch.autograd.grad(found, s)
    assert gradient.isfinite().all() and not gradient[0].any()


def test_many_batches_that_are_not_finite_stop_a_run():
    loss = attached()
    s, t, labels = batch()
    bad = t.clone()
    bad[0] = float('inf')
    for features in [bad] * 9 + [t] + [bad] * 9:  # one good batch starts the count anew
        loss(s, features, labels)
        loss.report()
        loss.report()  # a second look at the same batch counts nothing
    loss(s, bad, labels)
    with pytest.raises(NonFiniteError, match='loss_kda: 10 times in a row .* 19 samples in all'):
        loss.report()


def test_batches_with_nothing_finite_stop_it_sooner():
    loss = attached()
    s, t, labels = batch()
    with pytest.raises(NonFiniteError, match='loss_kda: 3 times in a row .* 24 samples in all'):
        for _ in range(3):
            loss(s, t * float('nan'), labels)
            loss.report()


def test_a_look_at_several_batches_counts_all_of_them():
    """As on a GPU, where the host does not look at every batch."""
    watch = NonFiniteWatch()
    for rejected in (9, 19):  # of ten batches of four: one of them was good, at least, and then none
        for _ in range(10):
            watch.saw(4)
        if rejected == 9:
            assert watch.look('loss', rejected).startswith('9 samples')
        else:
            with pytest.raises(NonFiniteError, match='loss: 10 times in a row .* 19 samples in all'):
                watch.look('loss', rejected)


def test_on_a_cpu_every_batch_is_looked_at(monkeypatch):
    loss = attached()
    s, t, labels = batch()
    looks = []
    monkeypatch.setattr(KDALoss, 'report', lambda self: looks.append(1))
    for _ in range(3):
        loss(s, t, labels)
        loss.report_if_due()
    assert len(looks) == 3
    loss._kept = loss._kept.to('meta')
    for batches in range(1, 31):
        loss._watch.batches = batches
        loss.report_if_due()
    assert len(looks) == 6


def test_a_loss_without_a_hook_looks_by_itself():
    loss = KDALoss(preset='cka')
    s, t, _ = batch()
    s.requires_grad_()
    with pytest.raises(NonFiniteError, match='KDALoss: 10 times in a row'):
        for _ in range(30):
            loss(s, t * float('nan'))


MAPPING = dict(
    s_feature=dict(from_student=True, recorder='feat'),
    t_feature=dict(from_student=False, recorder='feat'),
    gt_label=dict(from_student=True, recorder='gt_label', data_idx=1),
)


def test_a_right_mapping_is_taken():
    built().attach('loss_kda', MAPPING)


@pytest.mark.parametrize(
    ('argument', 'change', 'words'),
    [
        ('s_feature', dict(from_student=False), 'from_student=False for it'),
        ('t_feature', dict(from_student=True), 'from_student=True for it'),
        ('t_feature', dict(from_student=None), 'from_student=None for it'),
        ('t_feature', None, 'gives it no t_feature'),
    ],
)
def test_a_wrong_mapping_is_refused(argument, change, words):
    mapping = dict(MAPPING)
    if change is None:
        del mapping[argument]
    else:
        mapping[argument] = {**mapping[argument], **change}
    with pytest.raises(ValueError, match=words):
        built().attach('loss_kda', mapping)


def test_features_that_teach_nothing(monkeypatch):
    s, t, _ = batch()
    loss = KDALoss(preset='cka')
    with pytest.raises(RuntimeError, match='are the same tensor'):
        loss(s, s)
    with pytest.raises(RuntimeError, match='s_feature needs no gradient'):  # swapped
        loss(s, t.clone().requires_grad_())
    messages = []
    monkeypatch.setattr('mmnystrom.plugin.losses.print_log', lambda text, **kwargs: messages.append(text))
    loss(s, t), loss(s, t)
    assert len(messages) == 1 and 'trains nothing' in messages[0]
    loss.step = Step(must_learn=True)
    with pytest.raises(RuntimeError, match='with_cp=True'):
        loss(s, t)
    with torch.no_grad():
        loss(s, t)
    loss.eval()
    loss(s, t)


@pytest.mark.parametrize(
    ('kwargs', 'error', 'words'),
    [
        (
            dict(landmarks=dict(type='kmean', num_landmarks=3)),
            ValueError,
            "'type': 'kmean'.*class_center",
        ),
        (dict(), ValueError, 'landmarks is missing'),
        (dict(landmarks=dict(type='class_center')), TypeError, 'num_landmarks'),
        (dict(landmarks=dict(type='class_center', num_landmarks=0)), ValueError, 'num_landmarks=0'),
        (dict(landmarks=CENTER, kernel='rbff'), ValueError, "kernel='rbff' is unknown"),
        (dict(landmarks=CENTER, loss_weight=-1), ValueError, 'loss_weight=-1'),
        (dict(landmarks=CENTER, loss_weight='0.04'), ValueError, "loss_weight='0.04'"),
        (dict(landmarks=CENTER, loss_weight=float('nan')), ValueError, 'loss_weight=nan'),
    ],
)
def test_bad_arguments_at_build_time(kwargs, error, words):
    with pytest.raises(error, match=words):
        MODELS.build(dict(type='mmrazor.KDALoss', **kwargs))


@pytest.mark.parametrize(
    ('change', 'error', 'words'),
    [
        (dict(s_feature=torch.zeros(8, 4, 2, 2)), ValueError, 'loss_kda: s_feature.*PoolConnector'),
        (dict(t_feature=(torch.zeros(8, 4),)), TypeError, 'loss_kda: t_feature.*PoolConnector'),
        (dict(s_feature=torch.zeros(7, 4)), ValueError, '7 rows and t_feature 8'),
        (dict(gt_label=None), ValueError, '^loss_kda: class_center landmarks need labels.*data_idx=1'),
        (dict(gt_label=(torch.zeros(8, 3), torch.zeros(8))), TypeError, 'data_idx=1'),
        (
            dict(gt_label=torch.zeros(8, 5)),
            ValueError,
            r'loss_kda: gt_label: labels must have.*got \(8, 5\)',
        ),
    ],
)
def test_bad_input_in_training(change, error, words):
    s, t, labels = batch()
    with pytest.raises(error, match=words):
        attached()(**{**dict(s_feature=s, t_feature=t, gt_label=labels), **change})


def test_without_the_hook(tmp_path):
    cfg = kda_config(tmp_path)
    cfg.custom_hooks = []
    with pytest.raises(RuntimeError, match=r"custom_hooks = \[dict\(type='LandmarkHook'"):
        train(cfg)


def test_without_a_mapped_label(tmp_path):
    cfg = kda_config(tmp_path)
    cfg.model.distiller.loss_forward_mappings.loss_kda.pop('gt_label')
    with pytest.raises(ValueError, match=r'loss_forward_mappings=dict\(loss_kda=dict\(gt_label='):
        train(cfg)


def test_a_map_without_pooling(tmp_path):
    cfg = kda_config(tmp_path)
    cfg.model.distiller.student_recorders.feat.source = 'backbone.layer3'
    with pytest.raises(ValueError, match=r'loss_kda: s_feature.*PoolConnector'):
        train(cfg)


def test_a_label_outside_in_a_run(tmp_path):
    cfg = kda_config(tmp_path)
    cfg.model.distiller.distill_losses.loss_kda.landmarks.num_landmarks = 7
    with pytest.raises(ValueError, match=r'loss_kda: gt_label: labels hold [789].*\[0, 7\)'):
        train(cfg)
