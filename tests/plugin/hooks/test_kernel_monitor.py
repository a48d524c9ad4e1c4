"""KernelMonitorHook in runs: what it logs is what the two networks' features give."""

import json
import math
import re

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from sklearn.metrics import pairwise
from support import kda_config, run_ranks, train

from mmnystrom.plugin import KernelMonitorHook

MONITOR = dict(type='KernelMonitorHook')


def monitored(tmp_path, location='neck', epochs=3, monitor=MONITOR, **overrides):
    cfg = kda_config(tmp_path, location, epochs, log_level='INFO', **overrides)
    cfg.custom_hooks.append(monitor)
    cfg.train_cfg.val_interval = 1
    return cfg


def logged(work_dir):
    """The validation rows of the JSON log."""
    (path,) = work_dir.glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if 'accuracy/top1' in row]


class Networks(Hook):
    """Runs student and teacher over the validation images after each validation."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.features = []

    @torch.no_grad()
    def after_val_epoch(self, runner, metrics=None):
        model = runner.model
        pairs = []
        for batch in runner.val_dataloader:
            images = model.data_preprocessor(batch, False)['inputs']
            pairs.append(
                [net.backbone(images)[-1].mean((2, 3)) for net in (model.student, model.teacher)]
            )
        self.features.append([torch.cat(part).double().numpy() for part in zip(*pairs, strict=True)])


def transfer(s, t, name='linear', gammas=(None, None)):
    k_s, k_t = (
        pairwise.pairwise_kernels(x, metric=name, **({'gamma': gamma} if gamma else {}))
        for x, gamma in zip((s, t), gammas, strict=True)
    )
    return np.linalg.norm(k_s - k_t) / np.linalg.norm(k_t)


def test_logged_figures_are_those_of_the_networks(tmp_path):
    networks = Networks()
    runner, _ = train(monitored(tmp_path), networks)
    rows = logged(tmp_path)
    assert len(rows) == 3
    for row, (s, t) in zip(rows, networks.features, strict=True):
        assert s.shape == (40, 32)
        # Of this epoch alone: mmengine would log a mean over ten, had the name a 'loss' in it.
        assert row['kernel/kda/transfer'] == pytest.approx(transfer(s, t), rel=1e-4)
        assert 0 < row['kernel/kda/cka'] < 1
        assert row['kernel/kda/landmarks'] == 10
        for figure in ('nystrom_error_student', 'nystrom_error_teacher'):
            assert 0 < row[f'kernel/kda/{figure}'] < 1
        for figure in ('bound_partial', 'bound_nystrom'):
            assert row[f'kernel/kda/{figure}'] >= row['kernel/kda/transfer']
    assert len({row['kernel/kda/transfer'] for row in rows}) == 3
    assert 'kernel/kda/drift_student' not in rows[0]
    # The teacher stands still and its images are not augmented; the student moves.
    assert rows[2]['kernel/kda/drift_teacher'] < 1e-5 < rows[2]['kernel/kda/drift_student']
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'kernel/kda/transfer: ' in log


def test_other_kernels_use_the_gammas_of_the_refresh(tmp_path):
    cfg = monitored(tmp_path, epochs=1, monitor=dict(type='KernelMonitorHook', tile=16))
    cfg.model.distiller.distill_losses.loss_kda.update(
        kernel=dict(type='rbf', gamma='median'), form=dict(type='nystrom', rank=5)
    )
    networks = Networks()
    runner, _ = train(cfg, networks)
    kernels = runner.model.distiller.distill_losses.loss_kda.fitted_kernels()
    (row,) = logged(tmp_path)
    expected = transfer(*networks.features[0], 'rbf', [kernel.gamma for kernel in kernels])
    assert row['kernel/kda/transfer'] == pytest.approx(expected, rel=1e-4)


def test_every_loss_and_every_validation_loop(tmp_path):
    """Two losses; and the plain loop, without mmrazor's second turn with the teacher."""
    found = []
    for loop in ('mmrazor.SingleTeacherDistillValLoop', 'ValLoop'):
        cfg = monitored(tmp_path / loop, 'neck-logits', 1, val_cfg=dict(type=loop))
        train(cfg)
        (row,) = logged(tmp_path / loop)
        found.append({key: value for key, value in row.items() if key.startswith('kernel/')})
    assert {key.split('/')[1] for key in found[0]} == {'kda', 'kda_logits'}
    assert found[0] == pytest.approx(found[1])


def test_interval_and_max_samples(tmp_path):
    monitor = dict(type='KernelMonitorHook', interval=2, max_samples=7)
    sizes = []
    real = KernelMonitorHook._kept

    def kept(self, runner, size):
        sizes.append(real(self, runner, size))
        return sizes[-1]

    cfg = monitored(tmp_path, epochs=4, monitor=monitor)
    cfg.val_dataloader.batch_size = 16
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KernelMonitorHook, '_kept', kept)
        train(cfg)
    rows = logged(tmp_path)
    assert ['kernel/kda/transfer' in row for row in rows] == [False, True, False, True]
    # Every sixth of 40: 0, 6, 12 | 18, 24, 30 | 36.
    assert [part.tolist() for part in sizes[:3]] == [[0, 6, 12], [2, 8, 14], [4]]


def test_a_figure_can_choose_the_best_checkpoint(tmp_path):
    cfg = monitored(tmp_path)
    cfg.default_hooks.checkpoint.update(save_best='kernel/kda/transfer', rule='less')
    train(cfg)
    assert list(tmp_path.glob('best_kernel_kda_transfer_epoch_*.pth'))


def test_the_networks_and_the_metrics_are_left_alone(tmp_path):
    """Same training, same accuracies, with and without it."""
    curves, metrics = [], []
    for monitor in (MONITOR, dict(type='EmptyCacheHook')):
        work_dir = tmp_path / monitor['type']
        cfg = monitored(work_dir, monitor=monitor)
        curves.append(train(cfg)[1])
        metrics.append([(r['accuracy/top1'], r['teacher.accuracy/top1']) for r in logged(work_dir)])
    assert curves[0] == curves[1]
    assert metrics[0] == metrics[1]


def test_before_landmarks_exist_and_without_any(tmp_path):
    cfg = monitored(tmp_path, epochs=1)
    losses = cfg.model.distiller.distill_losses
    mapping = cfg.model.distiller.loss_forward_mappings.loss_kda
    features = {key: mapping[key] for key in ('s_feature', 't_feature')}
    losses.loss_sp = dict(type='KDALoss', preset='sp')
    cfg.model.distiller.loss_forward_mappings.loss_sp = features
    train(cfg)
    (row,) = logged(tmp_path)
    sp = {key for key in row if key.startswith('kernel/sp/')}
    assert sp == {'kernel/sp/transfer', 'kernel/sp/cka', 'kernel/sp/gradient_ratio'}


def test_a_student_that_diverged(tmp_path):
    class Diverge(Hook):
        def before_val_epoch(self, runner):
            runner.model.student.backbone.conv1.weight.data.fill_(float('nan'))

    train(monitored(tmp_path, epochs=1), Diverge())
    (row,) = logged(tmp_path)
    assert math.isnan(row['kernel/kda/transfer'])


def test_a_feature_that_only_training_records(tmp_path, once_said):
    cfg = monitored(tmp_path, 'logits', 2)
    recorder = dict(type='ModuleInputs', source='head.loss_module')
    cfg.model.distiller.student_recorders.logits = recorder
    cfg.model.distiller.loss_forward_mappings.loss_kda.s_feature = dict(
        from_student=True, recorder='logits', data_idx=0
    )
    train(cfg)
    assert len(once_said) == 1
    assert 'cannot measure what only training records: loss_kda: a feature was not' in once_said[0]


def test_nothing_to_measure(tmp_path, once_said):
    cfg = monitored(tmp_path, epochs=1)
    cfg.custom_hooks = [MONITOR]
    cfg.model.distiller.distill_losses = dict()
    cfg.model.distiller.loss_forward_mappings = dict()
    train(cfg)
    assert ['it found 0' in message for message in once_said] == [True]


def test_found_by_its_bare_name():
    assert type(HOOKS.build(MONITOR)) is KernelMonitorHook


@pytest.mark.parametrize('argument', ['interval', 'max_samples', 'tile'])
@pytest.mark.parametrize('value', [0, -1, 2.5, '3'])
def test_bad_arguments(argument, value):
    with pytest.raises(ValueError, match=f'{argument}=.* must be an integer >= 1'):
        KernelMonitorHook(**{argument: value})


def test_two_ranks_measure_what_one_does(tmp_path):
    """39 images: the second rank's last one is a repeat, which must not count."""
    found = []
    for ranks in (None, 2):
        cfg = monitored(tmp_path / str(ranks), epochs=1, val_dataloader__dataset__indices=39)
        cfg.optim_wrapper.optimizer.lr = 0.0
        cfg.model.architecture.backbone.norm_cfg = dict(type='GN', num_groups=2)
        cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=False)
        cfg.dump(tmp_path / f'{ranks}.py')
        run_ranks('train.py', tmp_path / f'{ranks}.py', ranks=ranks or 1)
        (row,) = logged(tmp_path / str(ranks))
        found.append({key: value for key, value in row.items() if key.startswith('kernel/')})
    assert len(found[0]) == 7
    assert found[0] == pytest.approx(found[1], rel=1e-4, abs=1e-6)


def test_the_line_of_a_validation_has_five_figures_and_the_json_all(tmp_path):
    cfg = monitored(tmp_path, epochs=2)
    for _ in range(2):  # two hooks shorten the line once
        train(cfg)
        cfg.custom_hooks.append(dict(MONITOR, interval=2))
        cfg.work_dir = str(tmp_path / 'again')
    (log,) = tmp_path.glob('*/*.log')
    lines = [line for line in log.read_text().splitlines() if 'accuracy/top1' in line]
    assert len(lines) == 2
    found = [re.findall(r'kernel/kda/(\w+): [\d.]+  ', line) for line in lines]
    errors = ['nystrom_error_student', 'nystrom_error_teacher']
    assert found == [['transfer', 'cka', *errors], ['transfer', 'cka', *errors, 'gradient_ratio']]
    for line in lines:
        assert re.search(r'accuracy/top1: [\d.]+', line) and re.search(r'time: [\d.]+$', line)
    assert {f'kernel/kda/{name}' for name in ('bound_partial', 'landmarks', 'drift_student')} <= set(
        logged(tmp_path)[-1]
    )
