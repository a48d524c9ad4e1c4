"""Every landmark strategy, kernel and form in real runs: refresh, first pass, resume, two ranks."""

import copy
import json

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from support import kda_config, run_ranks, train

FEATURES = dict(
    s_feature=dict(from_student=True, recorder='feat'),
    t_feature=dict(from_student=False, recorder='feat'),
)
LABEL = dict(gt_label=dict(from_student=True, recorder='gt_label', data_idx=1))
WEIGHTS = dict(
    s_weight=dict(from_student=True, recorder='fc'),
    t_weight=dict(from_student=False, recorder='fc'),
)
#: Name of a loss -> its config. The last ones try the schedule of refreshes.
LOSSES = dict(
    loss_center=dict(landmarks=dict(type='class_center', num_landmarks=10)),
    loss_kmeans=dict(landmarks=dict(type='kmeans', num_landmarks=8), kernel='cosine'),
    loss_random=dict(
        landmarks=dict(type='random', num_landmarks=8, pool_size=16),
        kernel=dict(type='rbf', gamma='median'),
        form='nystrom',
    ),
    loss_plusplus=dict(landmarks=dict(type='kmeans++', num_landmarks=8), form='nystrom'),
    loss_farthest=dict(
        landmarks=dict(type='farthest', num_landmarks=8), kernel=dict(type='polynomial', gamma='scale')
    ),
    loss_leverage=dict(
        landmarks=dict(type='leverage', num_landmarks=8), kernel=dict(type='laplacian', gamma='scale')
    ),
    loss_classifier=dict(landmarks=dict(type='classifier'), distance=dict(type='kl', tau=4.0)),
    loss_fixed=dict(landmarks=dict(type='fixed', indices=[0, 7, 11, 55]), distance='mse'),
    loss_sp=dict(preset='sp'),
    loss_cc=dict(preset='cc'),
    loss_cka=dict(preset='cka'),
    loss_often=dict(
        landmarks=dict(
            type='class_center', num_landmarks=10, refresh=dict(by_epoch=False, interval=3, momentum=0.5)
        )
    ),
    loss_often_pool=dict(
        landmarks=dict(type='random', num_landmarks=6, refresh=dict(by_epoch=False, interval=3))
    ),
    loss_seldom=dict(
        landmarks=dict(type='kmeans', num_landmarks=6, refresh=dict(interval=2, momentum=0.9))
    ),
)


def config(tmp_path, epochs=3, losses=LOSSES, warmup=0, **overrides):
    cfg = kda_config(tmp_path, epochs=epochs, **overrides)
    cfg.custom_hooks = [dict(type='LandmarkHook', warmup_epochs=warmup), dict(type='KernelMonitorHook')]
    distiller = cfg.model.distiller
    for side in ('student', 'teacher'):
        distiller[f'{side}_recorders'].fc = dict(type='Parameter', source='head.fc.weight')
    distiller.distill_losses = {
        name: dict(type='KDALoss', loss_weight=0.01, **copy.deepcopy(loss))
        for name, loss in losses.items()
    }
    distiller.loss_forward_mappings = {
        name: {
            **FEATURES,
            **(LABEL if 'class_center' in str(loss) else {}),
            **(WEIGHTS if 'classifier' in str(loss) else {}),
        }
        for name, loss in losses.items()
    }
    return cfg


def losses_of(runner):
    return runner.model.distiller.distill_losses


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A run of three epochs, four iterations each, with all of them."""
    tmp_path = tmp_path_factory.mktemp('whole')
    runner, curve = train(config(tmp_path))
    return tmp_path, runner, curve


def test_every_strategy_learns(whole):
    _, runner, curve = whole
    assert len(curve) == 12
    for name, loss in LOSSES.items():
        values = [step[f'distill.{name}'] for step in curve]
        assert all(np.isfinite(values)), name
        at_once = 'landmarks' not in loss or loss['landmarks']['type'] == 'classifier'
        first_on = 0 if at_once else 3 if name.startswith('loss_often') else 4
        assert [value > 0 for value in values] == [i >= first_on for i in range(12)], name


def test_refreshes_come_when_they_are_due(whole):
    found = {n: int(x.landmarks.refreshes) for n, x in losses_of(whole[1]).items() if x.landmarks}
    expected = dict.fromkeys(found, 3)
    expected |= dict(loss_classifier=12, loss_often=4, loss_often_pool=4)
    # The first at the first occasion, so that the loss need not wait for the second epoch.
    expected |= dict(loss_seldom=2)
    assert found == expected


def test_fixed_landmarks_are_those_images(whole):
    """The hook tells the loss which images are in a batch; the teacher stands still."""
    _, runner, _ = whole
    dataset = runner.train_dataloader.dataset
    model = runner.model
    model.eval()
    images = torch.stack([dataset[i]['inputs'] for i in (0, 7, 11, 55)])
    with torch.no_grad():
        data = model.data_preprocessor(dict(inputs=list(images)), False)['inputs']
        expected = model.teacher.backbone(data)[-1].mean((2, 3))
    landmarks = losses_of(runner).loss_fixed.landmarks
    torch.testing.assert_close(landmarks.teacher, expected, rtol=1e-4, atol=1e-5)


def test_moving_averages(whole):
    """With momentum 0.9 the landmarks of the second refresh lie close to those of the first."""
    drift = {n: x.landmarks.drift for n, x in losses_of(whole[1]).items() if x.landmarks is not None}
    assert drift['loss_seldom'][0] < 0.5 * drift['loss_center'][0]


@pytest.mark.parametrize('by_epoch', [True, False])
def test_resumed_runs_go_on_as_the_whole_run(whole, tmp_path, by_epoch):
    """From the end of the second epoch, and from the middle of it, pools and all."""
    directory, runner, curve = whole
    cfg = config(tmp_path)
    start = 8
    if not by_epoch:
        start = 6
        for part, max_iters in ((tmp_path / 'first', 7), (tmp_path / 'whole', 12)):
            loop = config(part, param_scheduler=[])
            loop.train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=100)
            loop.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
            loop.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=6)
            runner, curve = train(loop)
        cfg = loop
        cfg.work_dir = str(tmp_path / 'resumed')
    cfg.resume = True
    cfg.load_from = str(directory / 'epoch_2.pth' if by_epoch else tmp_path / 'first' / 'iter_6.pth')
    resumed, rest = train(cfg)
    for ours, expected in zip(rest, curve[start:], strict=True):
        assert ours == pytest.approx(expected, rel=1e-5)
    for name, loss in losses_of(resumed).items():
        if loss.landmarks is not None:
            torch.testing.assert_close(loss.landmarks.student, losses_of(runner)[name].landmarks.student)


POOLS = ('loss_center', 'loss_kmeans', 'loss_random', 'loss_leverage', 'loss_fixed', 'loss_sp')


@pytest.mark.parametrize('iterations', [False, True])
def test_landmarks_before_the_first_iteration(tmp_path, capsys, iterations):
    losses = {name: copy.deepcopy(LOSSES[name]) for name in POOLS}
    for name in POOLS[:-1]:
        losses[name]['landmarks']['init'] = 'pass'
    losses['loss_plusplus'] = LOSSES['loss_plusplus']
    seen = {}

    class First(Hook):
        priority = 'VERY_LOW'

        def before_train(self, runner):
            model = runner.model
            seen['buffers'] = {k: v.clone() for k, v in model.named_buffers()}
            seen['ready'] = {name: loss.ready for name, loss in losses_of(runner).items()}
            seen['center'] = losses_of(runner).loss_center.landmarks.teacher.clone()
            features, labels = [], []
            model.eval()
            with torch.no_grad():
                for i in range(60):
                    item = runner.train_dataloader.dataset[i]
                    image = model.data_preprocessor(dict(inputs=[item['inputs']]), False)['inputs']
                    features.append(model.teacher.backbone(image)[-1].mean((2, 3))[0])
                    labels.append(int(item['data_samples'].gt_label))
            features, labels = torch.stack(features), torch.tensor(labels)
            seen['means'] = torch.stack([features[labels == j].mean(0) for j in range(10)])

    cfg = config(tmp_path, 2, losses, log_level='INFO')
    if iterations:
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=8, val_interval=100)
        cfg.param_scheduler = []
        cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    runner, curve = train(cfg, First())
    assert seen['ready'] == {name: name != 'loss_plusplus' for name in losses}
    torch.testing.assert_close(seen['center'], seen['means'], rtol=1e-4, atol=1e-5)
    for name in losses:
        assert [step[f'distill.{name}'] > 0 for step in curve][:1] == [name != 'loss_plusplus']
        if losses[name].get('landmarks'):
            expected = 2 if name == 'loss_plusplus' else 3
            assert int(losses_of(runner)[name].landmarks.refreshes) == expected
    # Batch statistics of the pass leave no trace.
    counts = [v for k, v in seen['buffers'].items() if 'num_batches_tracked' in k and 'student' not in k]
    assert counts
    assert not any(bool(count) for count in counts)
    assert 'One pass over the training data, 4 batches' in next(tmp_path.glob('*/*.log')).read_text()
    assert '] 4/4, ' in capsys.readouterr().out

    # A resumed run has landmarks and makes no pass.
    if not iterations:
        cfg.resume = True
        cfg.train_cfg.max_epochs = 3
        train(cfg)
        assert '] 4/4, ' not in capsys.readouterr().out


def test_what_there_is_to_warn_of_is_said_once(tmp_path, once_said):
    losses = dict(
        loss_random=dict(landmarks=dict(type='random', num_landmarks=100, init='pass')),
        loss_fixed=dict(landmarks=dict(type='fixed', indices=[3, 1000])),
    )
    for loss in losses.values():
        # Without a scale, so that the watch has nothing to say.
        loss['kernel'] = dict(type='linear', scale='landmarks')
    runner, _ = train(config(tmp_path, 3, losses, warmup=1))
    assert len(once_said) == 3
    assert "init='pass' makes landmarks" in once_said[0]
    assert 'warmup_epochs=1 keeps the loss off' in once_said[0]
    assert once_said[1].startswith('loss_random: 60 landmarks are used in the place of num_landmarks=100')
    assert once_said[2].startswith('loss_fixed: 1 of the 2 fixed landmarks were not met')
    assert losses_of(runner).loss_random.landmarks.num_active == 60


def test_classifier_without_a_recorder(tmp_path):
    cfg = config(tmp_path, losses=dict(loss_classifier=LOSSES['loss_classifier']))
    del cfg.model.distiller.loss_forward_mappings['loss_classifier']['t_weight']
    with pytest.raises(
        ValueError, match=r"^loss_classifier: classifier landmarks need .*type='Parameter'"
    ):
        train(cfg)


def test_fixed_positions_need_samples_that_know_theirs(tmp_path):
    cfg = config(tmp_path, losses=dict(loss_fixed=LOSSES['loss_fixed']))
    cfg.train_dataloader.dataset.pipeline = [dict(type='PackInputs', meta_keys=())]
    with pytest.raises(ValueError, match=r'^loss_fixed: fixed landmarks need the positions.*meta_keys'):
        train(cfg)


def test_landmarks_of_nan_name_the_loss(tmp_path):
    losses = dict(loss_classifier=dict(landmarks=dict(type='classifier'), form='nystrom'))

    class Break(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            runner.model.student.head.fc.weight.data.fill_(float('nan'))

    with pytest.raises(ArithmeticError, match='loss_classifier: 100 of the 100 entries of the kernel'):
        train(config(tmp_path, losses=losses), Break())


RANKS = """
import json, os
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module(force=True)
class WriteLandmarks(Hook):
    priority = 'VERY_LOW'

    def after_train_epoch(self, runner):
        losses = runner.model.module.distiller.distill_losses
        found = {
            name: [loss.landmarks.teacher.tolist(), loss.landmarks.student.tolist()]
            for name, loss in losses.items() if loss.landmarks is not None
        }
        with open(os.path.join(runner.work_dir, f'rank{get_rank()}.json'), 'w') as file:
            json.dump(found, file)
"""


def test_two_ranks_have_the_same_landmarks_of_the_images_of_both(tmp_path, monkeypatch):
    losses = {name: copy.deepcopy(loss) for name, loss in LOSSES.items()}
    losses['loss_random']['landmarks'] = dict(type='random', num_landmarks=60, init='pass')
    losses['loss_all'] = dict(landmarks=dict(type='fixed', indices=list(range(60))))
    cfg = config(tmp_path, epochs=2, losses=losses)
    cfg.train_dataloader.batch_size = 8
    cfg.custom_hooks.append(dict(type='WriteLandmarks'))
    cfg.custom_imports.imports.append('ranks')
    cfg.find_unused_parameters = True
    cfg.dump(tmp_path / 'config.py')
    (tmp_path / 'ranks.py').write_text(RANKS)
    monkeypatch.syspath_prepend(tmp_path)
    run_ranks('train.py', tmp_path / 'config.py')
    first, second = (json.loads((tmp_path / f'rank{rank}.json').read_text()) for rank in (0, 1))
    assert set(first) == set(losses) - {'loss_sp', 'loss_cc', 'loss_cka'}
    assert first == second
    # All 60 images, 30 of either rank, were drawn: none twice, none left out. The teacher stands still.
    drawn, expected = (np.array(first[name][0]) for name in ('loss_random', 'loss_all'))
    for rows in (drawn, expected):
        rows[:] = rows[np.lexsort(rows.round(4).T)]
    np.testing.assert_allclose(drawn, expected, rtol=1e-4, atol=1e-4)
