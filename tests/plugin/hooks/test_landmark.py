"""LandmarkHook in runs: schedule, refresh, checkpoints, other hooks beside it."""

import copy
import json
import math

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, DefaultScope
from mmrazor.registry import HOOKS as RAZOR_HOOKS
from support import CONFIGS, PAIR, ROOT, kda_config, run_tool, train

from mmnystrom.plugin import LandmarkHook


def landmarks_of(runner, name='loss_kda'):
    return runner.model.distiller.distill_losses[name].landmarks


class Features(Hook):
    """Keeps what the loss of an epoch is given."""

    priority = 'VERY_LOW'

    def before_run(self, runner):
        self.epochs = []
        runner.model.distiller.distill_losses.loss_kda.register_forward_pre_hook(
            lambda module, args, kwargs: self.epochs[-1].append(
                [value.detach().flatten(1 if value.ndim > 1 else 0).clone() for value in kwargs.values()]
            ),
            with_kwargs=True,
        )

    def before_train_epoch(self, runner):
        self.epochs.append([])


class Counts(Hook):
    """Keeps the counts of every epoch, as they are before the landmarks' refresh."""

    priority = 'HIGH'

    def __init__(self):
        self.epochs = []

    def after_train_epoch(self, runner):
        self.epochs.append(landmarks_of(runner).count.clone())


@pytest.mark.parametrize('scope', ['mmengine', 'mmpretrain', 'mmrazor', 'mmcls'])
def test_found_by_its_bare_name_under_any_scope(scope):
    with DefaultScope.overwrite_default_scope(scope):
        for registry in (HOOKS, RAZOR_HOOKS):
            hook = registry.build(dict(type='LandmarkHook', warmup_epochs=2))
            assert type(hook) is LandmarkHook


def test_default_warmup():
    assert LandmarkHook().warmup_epochs == 5


@pytest.mark.parametrize('epochs', [-1, 2.5, '5', None, True])
def test_bad_warmup(epochs):
    with pytest.raises(ValueError, match='warmup_epochs=.*must be an integer >= 0'):
        LandmarkHook(warmup_epochs=epochs)


@pytest.mark.skipif(torch.__version__ < '2', reason='forward pre-hooks with keywords came in 2.0')
def test_landmarks_are_the_class_means_of_the_epoch(tmp_path):
    cfg = kda_config(tmp_path, epochs=3)
    cfg.train_dataloader.batch_size = 17
    features = Features()
    runner, _ = train(cfg, features)
    s, t, labels = (torch.cat(part).numpy() for part in zip(*features.epochs[-1], strict=True))
    assert len(labels) == 60
    landmarks = landmarks_of(runner)
    for ours, rows in ((landmarks.student, s), (landmarks.teacher, t)):
        expected = np.stack([rows[labels == j].astype(np.float64).mean(0) for j in range(10)])
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
    assert landmarks.refreshes == 3


@pytest.mark.parametrize(('warmup', 'first_on'), [(0, 1), (1, 1), (3, 3)])
def test_schedule(tmp_path, warmup, first_on):
    """Off during the warm-up, and in the first epoch whatever the warm-up."""
    cfg = kda_config(tmp_path, epochs=4, custom_hooks=[dict(type='LandmarkHook', warmup_epochs=warmup)])
    runner, curve = train(cfg)
    per_epoch = len(runner.train_dataloader)
    on = [step['distill.loss_kda'] > 0 for step in curve]
    assert on == [i >= first_on * per_epoch for i in range(len(curve))]


def test_frozen_teacher_is_wholly_in_eval_mode(tmp_path):
    """mmrazor leaves a teacher's dropout on, which would blur the landmarks."""
    cfg = kda_config(tmp_path, epochs=2)
    cfg.model.teacher.head = dict(
        type='mmpretrain.StackedLinearClsHead',
        num_classes=10,
        in_channels=64,
        mid_channels=[8],
        dropout_rate=0.5,
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
    )
    cfg.model.distiller.teacher_recorders.feat.source = 'head.layers.1'
    seen = []

    class Modes(Hook):
        def after_train_iter(self, runner, *args, **kwargs):
            seen.append([m.training for m in runner.model.teacher.modules()])

    train(cfg, Modes())
    assert seen
    assert not any(any(modes) for modes in seen)


def test_a_hook_with_nothing_to_do_says_so(tmp_path, once_said):
    cfg = kda_config(tmp_path, epochs=1)
    kd = Config.fromfile(CONFIGS / f'distill/mmpretrain/kd/kd_logits_{PAIR}.py')
    cfg.model.distiller = kd.model.distiller
    train(cfg)
    assert ['found no KDALoss' in message for message in once_said] == [True]


def test_soft_labels_of_mixup(tmp_path):
    cfg = kda_config(tmp_path, epochs=3)
    cfg.model.data_preprocessor.batch_augments = dict(augments=[dict(type='mmpretrain.Mixup', alpha=0.8)])
    runner, curve = train(cfg)
    assert landmarks_of(runner).exists.all()
    assert curve[-1]['distill.loss_kda'] > 0
    assert all(math.isfinite(step['loss']) for step in curve)


def test_gradient_accumulation_counts_every_image(tmp_path):
    cfg = kda_config(tmp_path, epochs=1)
    cfg.optim_wrapper.accumulative_counts = 3
    counts = Counts()
    train(cfg, counts)
    assert counts.epochs[0].tolist() == [6] * 10


def test_the_log_says_once_when_landmarks_exist_and_when_the_loss_begins(tmp_path):
    train(kda_config(tmp_path, epochs=3, log_level='INFO'))
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert log.count('loss_kda has its first 10 landmarks.') == 1
    assert log.count('loss_kda acts, from iteration 5 on.') == 1


@pytest.mark.parametrize('first', [True, False])
def test_beside_ema_and_buffer_sync(tmp_path, first):
    cfg = kda_config(tmp_path, epochs=2)
    others = [dict(type='EMAHook', momentum=0.1), dict(type='SyncBuffersHook')]
    cfg.custom_hooks = [*others, *cfg.custom_hooks] if first else [*cfg.custom_hooks, *others]
    before, curve = train(cfg)
    saved = torch.load(tmp_path / 'epoch_2.pth', map_location='cpu')
    for name, value in landmarks_of(before).saved_state().items():
        assert torch.equal(
            saved['state_dict'][f'distiller.distill_losses.loss_kda.landmarks.{name}'], value
        )
    prefix = 'module.distiller.distill_losses.loss_kda.landmarks.'
    assert saved['ema_state_dict'][f'{prefix}refreshes'] == 2
    cfg.train_cfg.max_epochs = 3
    cfg.resume = True
    runner, resumed = train(cfg)
    assert landmarks_of(runner).refreshes == 3
    assert resumed[0]['distill.loss_kda'] > 0
    assert len(curve) > len(resumed)


def test_iteration_based_loop(tmp_path):
    """An epoch is as many iterations as one pass over the data takes: 60 images, batches of 16."""
    cfg = kda_config(
        tmp_path, custom_hooks=[dict(type='LandmarkHook', warmup_epochs=2)], param_scheduler=[]
    )
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=16, val_interval=100)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=6)
    runner, curve = train(cfg)
    assert landmarks_of(runner).refreshes == 4
    assert [step['distill.loss_kda'] > 0 for step in curve] == [i >= 8 for i in range(16)]


def test_resume_in_the_middle_of_an_iteration_based_epoch(tmp_path):
    cfg = kda_config(tmp_path / 'a', param_scheduler=[], val_dataloader=None)
    cfg.update(val_cfg=None, val_evaluator=None)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=10, val_interval=100)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=6)
    whole, curve = train(cfg)
    part = copy.deepcopy(cfg)
    part.work_dir = str(tmp_path / 'b')
    part.resume = True
    part.load_from = str(tmp_path / 'a' / 'iter_6.pth')
    state = torch.load(part.load_from, map_location='cpu', weights_only=False)['state_dict']
    assert state['distiller.distill_losses.loss_kda.landmarks.count'].sum() == 32
    resumed, rest = train(part)
    assert [step['loss'] for step in rest] == pytest.approx(
        [step['loss'] for step in curve[6:]], rel=1e-6
    )
    torch.testing.assert_close(landmarks_of(resumed).student, landmarks_of(whole).student)


@pytest.mark.parametrize('loop', ['epochs', 'iterations'])
def test_the_weight_grows_over_the_ramp(tmp_path, loop):
    """Linearly from iteration to iteration, from where the loss begins; the landmarks are the same."""
    curves = []
    for ramp in (0, 2):
        hook = dict(type='LandmarkHook', warmup_epochs=2, ramp_epochs=ramp)
        cfg = kda_config(tmp_path / f'{loop}{ramp}', epochs=6, custom_hooks=[hook])
        cfg.optim_wrapper.optimizer.lr = 0.0
        cfg.train_dataloader.sampler.shuffle = False
        cfg.train_dataloader.dataset.pipeline = [dict(type='PackInputs')]
        if loop == 'iterations':
            cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=24, val_interval=100)
            cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=False)
            cfg.param_scheduler = []
        runner, curve = train(cfg)
        curves.append([step['distill.loss_kda'] for step in curve])
    factors = [b / a for a, b in zip(*(curve[8:] for curve in curves), strict=True)]
    assert factors == pytest.approx([*(k / 8 for k in range(1, 9)), *[1] * 8], rel=1e-5)
    assert not any(curves[1][:8])


def test_the_ramp_begins_when_the_landmarks_exist(tmp_path):
    """Without warm-up, that is after the first epoch."""
    hook = dict(type='LandmarkHook', warmup_epochs=0, ramp_epochs=1.5)
    factors = []

    class Ramp(Hook):
        priority = 'LOW'

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            factors.append(runner.model.distiller.distill_losses.loss_kda.step.ramp)

    train(kda_config(tmp_path, epochs=3, custom_hooks=[hook]), Ramp())
    expected = [0.0] * 4 + [k / 6 for k in range(1, 7)] + [1.0] * 2
    assert factors == pytest.approx(expected)


@pytest.mark.parametrize('epochs', [-1, '2', None, float('nan')])
def test_bad_ramp(epochs):
    with pytest.raises(ValueError, match='ramp_epochs=.*must be a finite number >= 0'):
        LandmarkHook(ramp_epochs=epochs)


def test_running_means_and_ramp_are_resumed_exactly(tmp_path):
    """A run of four epochs, and one that is resumed after its second: the same losses."""
    hook = dict(type='LandmarkHook', warmup_epochs=1, ramp_epochs=2)
    cfg = kda_config(tmp_path / 'a', epochs=4, custom_hooks=[hook])
    landmarks = dict(type='class_center', num_landmarks=10, update='running')
    cfg.model.distiller.distill_losses.loss_kda = dict(
        type='KDALoss', preset='landmark_cka', landmarks=landmarks
    )
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    _, whole = train(cfg)
    cfg.work_dir = str(tmp_path / 'b')
    cfg.resume = True
    cfg.load_from = str(tmp_path / 'a' / 'epoch_2.pth')
    runner, rest = train(cfg)
    assert len(rest) == 8
    key = 'distill.loss_kda'
    assert [step[key] for step in rest] == pytest.approx([step[key] for step in whole[8:]], rel=1e-6)
    assert landmarks_of(runner).refreshes == 16


def test_an_epoch_that_was_cut_short_is_counted_once(tmp_path):
    """A checkpoint from the middle of an epoch: the epoch runs again, from empty sums."""
    cfg = kda_config(tmp_path / 'a', epochs=1)
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=2)
    train(cfg)
    counts = Counts()
    cfg.work_dir = str(tmp_path / 'b')
    cfg.resume = True
    cfg.load_from = str(tmp_path / 'a' / 'iter_2.pth')
    train(cfg, counts)
    assert counts.epochs[0].tolist() == [6] * 10


KILLER = """
import os, signal
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module(force=True)
class Killer(Hook):
    def __init__(self, stage):
        self.stage = stage

    def kill(self, stage, runner):
        if stage == self.stage and runner.epoch == 2 and not runner._resume:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_train_iter(self, runner, *args, **kwargs):
        self.kill('iteration', runner)

    def before_save_checkpoint(self, runner, checkpoint):
        self.kill('save', runner)
"""


def loss_curve(work_dir):
    """(epoch, iteration) -> losses, of all the logs of a run."""
    rows = []
    for log in sorted(work_dir.glob('*/vis_data/*[0-9].json')):
        rows += [json.loads(line) for line in log.read_text().splitlines() if 'loss' in line]
    return {(r['epoch'], r['step']): [r[key] for key in sorted(r) if 'loss' in key] for r in rows}


def run_to_kill(tmp_path):
    cfg = kda_config(tmp_path, 'neck-logits', epochs=5, log_level='INFO')
    for loss in cfg.model.distiller.distill_losses.values():
        loss.loss_weight = 1e-3  # the teacher is untrained, its logits are all but 0
    return cfg


@pytest.fixture(scope='module')
def whole_curve(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp('whole')
    run_to_kill(tmp_path).dump(tmp_path / 'config.py')
    run_tool('train.py', tmp_path / 'config.py')
    return loss_curve(tmp_path)


@pytest.mark.parametrize('stage', ['iteration', 'save'])
def test_killed_and_resumed(tmp_path, whole_curve, stage):
    """SIGKILL in the third of five epochs, in its first iteration or as its checkpoint is written."""
    cfg = run_to_kill(tmp_path)
    cfg.custom_hooks.append(dict(type='Killer', stage=stage))
    cfg.custom_imports.imports.append('killer')
    cfg.dump(tmp_path / 'config.py')
    (tmp_path / 'killer.py').write_text(KILLER)
    script = tmp_path / 'train.py'  # beside which modules are found
    script.write_text(
        f"import runpy\nrunpy.run_path({str(ROOT / 'tools' / 'train.py')!r}, run_name='__main__')\n"
    )
    assert run_tool(script, tmp_path / 'config.py', check=False).returncode == -9
    assert max(epoch for epoch, _ in loss_curve(tmp_path)) <= 3
    run_tool(script, tmp_path / 'config.py', '--resume')

    part = loss_curve(tmp_path)
    assert len(whole_curve) == 20
    assert set(part) == set(whole_curve)
    for key in whole_curve:
        assert part[key] == pytest.approx(whole_curve[key], rel=1e-6), key
    last = whole_curve[max(whole_curve)]
    assert all(math.isfinite(value) and value > 0 for value in last)


def test_checkpoint_of_another_class_count(tmp_path):
    cfg = kda_config(tmp_path / 'a', epochs=1)
    train(cfg)
    cfg.work_dir = str(tmp_path / 'b')
    cfg.load_from = str(tmp_path / 'a' / 'epoch_1.pth')
    cfg.model.distiller.distill_losses.loss_kda.landmarks.num_landmarks = 12
    with pytest.raises(ValueError, match='holds 10 landmarks .*num_landmarks=12'):
        train(cfg)


def test_checkpoint_of_another_width(tmp_path):
    cfg = kda_config(tmp_path / 'a', epochs=1)
    train(cfg)
    cfg.work_dir = str(tmp_path / 'b')
    cfg.load_from = str(tmp_path / 'a' / 'epoch_1.pth')
    cfg.model.architecture.backbone = dict(
        type='mmpretrain.ResNet_CIFAR', depth=18, stem_channels=4, base_channels=2
    )
    cfg.model.architecture.head.in_channels = 16
    with pytest.raises(ValueError, match=r"loss_kda: the student's landmarks have width 32 .*width 16"):
        train(cfg)
