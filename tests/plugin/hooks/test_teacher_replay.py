"""A replayed teacher teaches what a live one does."""

import json
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import TRANSFORMS
from support import CONFIGS, PAIR, WIDER, kda_config, run_ranks, train, unformatted

from mmnystrom.plugin import TeacherReplayHook
from mmnystrom.plugin.lookup import find_distiller
from mmnystrom.plugin.replay import ReplayError

METHODS = {
    'KD': 'kd/kd_logits',
    'KDA pre-FC': 'kda/kda_neck',
    'KDA centred': 'kda/kda_centered_neck',
    'KDA post-FC': 'kda/kda_logits',
    'KDA both': 'kda/kda_neck-logits',
    'KDA + KD': 'kda/kda_neck-kd',
    'DIST': 'dist/dist_logits',
    'DKD': 'dkd/dkd_logits',
    'RKD': 'rkd/rkd_neck',
    'AT': 'at/at_backbone',
}


@TRANSFORMS.register_module(force=True)
class Jitter(BaseTransform):
    """Draws from numpy, random and torch."""

    def transform(self, results):
        image = results['img'].astype(np.int64) + random.randint(0, 20)
        image = image + np.random.randint(0, 20, image.shape) + torch.randint(0, 20, image.shape).numpy()
        results['img'] = np.clip(image, 0, 255).astype(np.uint8)
        return results


def config(work_dir, method='KDA pre-FC', epochs=3, **replay):
    """A small distillation whose teacher is replayed, if ``replay`` says so."""
    cfg = kda_config(work_dir, epochs=epochs)
    stock = Config.fromfile(CONFIGS / f'distill/mmpretrain/{METHODS[method]}_{PAIR}.py')
    cfg.model.distiller = stock.model.distiller
    cfg.train_dataloader.dataset.pipeline = [dict(type='Jitter'), dict(type='PackInputs')]
    cfg.merge_from_dict(
        {
            'train_cfg.val_interval': 100,
            'default_hooks.checkpoint.interval': 100,
            'val_dataloader': dict(dataset=dict(indices=10)),
        }
    )
    if not method.startswith('KDA'):
        cfg.custom_hooks = []
    if replay:
        cfg.custom_hooks.append(dict(type='TeacherReplayHook', **replay))
    return cfg


class Calls(Hook):
    """Counts the images on which the teacher's backbone runs in training."""

    def __init__(self):
        self.images = []
        self._counting = False

    def before_train(self, runner):
        def count(module, inputs):
            if self._counting:
                self.images.append(len(inputs[0]))

        runner.model.teacher.backbone.register_forward_pre_hook(count)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self._counting = True

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._counting = False


def run(*args, **kwargs):
    """Losses of every iteration, and how many images the teacher ran on."""
    calls = Calls()
    runner, curve = train(config(*args, **kwargs), calls)
    return np.array([[row[key] for key in sorted(row)] for row in curve]), sum(calls.images)


@pytest.mark.parametrize('method', METHODS)
def test_recorded_replayed_and_live_runs_have_the_same_losses(tmp_path, method):
    live, ran = run(tmp_path / 'live', method, store=None)
    assert ran == 180 and len(live) == 12
    recorded, ran = run(tmp_path / 'first', method, store=str(tmp_path / 'store'))
    assert ran == 180
    replayed, ran = run(tmp_path / 'second', method, store=str(tmp_path / 'store'))
    assert ran == 0
    assert np.abs(recorded - live).max() < 1e-5 and np.abs(replayed - live).max() < 1e-5
    assert len(np.unique(live)) > 12  # and there is something to see


def test_the_hook_changes_the_training_data_alone(tmp_path, monkeypatch):
    """Without random transforms a run is the one that it is without the hook, to the last digit."""

    def still(*args, **kwargs):
        cfg = config(*args, **kwargs)
        cfg.train_dataloader.dataset.pipeline = [dict(type='PackInputs')]
        return train(cfg)[1]

    assert still(tmp_path / 'a', store=str(tmp_path / 'store')) == still(tmp_path / 'b')


def test_views_come_again(tmp_path):
    store = str(tmp_path / 'store')
    _, ran = run(tmp_path / 'first', epochs=4, store=store, views=2)
    assert ran == 2 * 60
    _, ran = run(tmp_path / 'second', epochs=3, store=store, views=3)  # two of the three are there
    assert ran == 60
    note = json.loads((tmp_path / 'second' / 'replay.json').read_text())
    assert note['views'] == 3 and note['live'] is None
    assert note['bytes'] == {'neck.gap': 3 * 60 * (64 * 4 + 4)}
    assert Path(note['store']).parent == tmp_path / 'store'


def test_layers_are_stored_apart(tmp_path):
    """KD shares the logits of KDA with KD, which then records only what is new."""
    store = str(tmp_path / 'store')
    run(tmp_path / 'kd', 'KD', store=store)
    _, ran = run(tmp_path / 'both', 'KDA + KD', store=store)
    assert ran == 180  # the features
    folder = next((tmp_path / 'store').iterdir())
    layers = {json.loads(path.read_text())['name'] for path in folder.glob('*/layer.json')}
    assert layers == {'head.fc', 'neck.gap'}
    for method in ('KD', 'KDA pre-FC'):
        assert run(tmp_path / method, method, store=store)[1] == 0


def test_a_batch_with_missing_images_runs_the_teacher_on_these_alone(tmp_path):
    # The bound below is for losses of less than 10.
    method, store = 'KDA centred', tmp_path / 'store'
    live, _ = run(tmp_path / 'first', method, store=str(store))
    for path in store.glob('*/neck.gap/*view0001.sums.npy'):
        sums = np.load(path, mmap_mode='r+')
        sums[[3, 20, 21, 44]] = 0
        sums.flush()
    calls = Calls()
    _, curve = train(config(tmp_path / 'second', method, store=str(store)), calls)
    assert sum(calls.images) == 4 and max(calls.images) < 16
    again = np.array([[row[key] for key in sorted(row)] for row in curve])
    assert np.abs(again - live).max() < 1e-5


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_precision_is_seen_by_the_run_that_records_too(tmp_path, dtype):
    # A random teacher's features are nearly alike: correlations would be of how they are rounded.
    method, store = 'KDA centred', str(tmp_path / 'store')
    live, _ = run(tmp_path / 'live', method, store=None)
    recorded, _ = run(tmp_path / 'a', method, store=store, dtype=dtype)
    replayed, ran = run(tmp_path / 'b', method, store=store, dtype=dtype)
    assert ran == 0
    assert np.abs(recorded - replayed).max() < 1e-6
    assert 0 < np.abs(recorded - live).max() < 0.05


CHANGES = {
    'teacher weights': lambda cfg: cfg.merge_from_dict({'randomness.seed': 7}),
    'preprocessor': lambda cfg: cfg.model.data_preprocessor.update(std=[50.0] * 3),
    'pipeline': lambda cfg: cfg.train_dataloader.dataset.pipeline.insert(
        0, dict(type='RandomCrop', crop_size=8, padding=1)
    ),
    'data': lambda cfg: cfg.train_dataloader.dataset.update(samples_per_class=5),
    'dtype': lambda cfg: cfg.custom_hooks[-1].update(dtype='float16'),
    'seed': lambda cfg: cfg.custom_hooks[-1].update(seed=1),
    'precision': lambda cfg: cfg.optim_wrapper.update(type='AmpOptimWrapper'),
}


def test_another_teacher_data_or_dtype_is_another_folder(tmp_path):
    store = tmp_path / 'store'
    run(tmp_path / 'first', epochs=1, store=str(store))
    for number, (name, change) in enumerate(CHANGES.items(), 2):
        cfg = config(tmp_path / name, epochs=1, store=str(store))
        change(cfg)
        calls = Calls()
        train(cfg, calls)
        assert sum(calls.images) >= 50, (name, calls.images)
        assert len(list(store.iterdir())) == number, name
    # What the student does makes no difference.
    cfg = config(tmp_path / 'student', epochs=1, store=str(store))
    cfg.model.architecture.head.loss.update(label_smooth_val=0.1, type='mmpretrain.LabelSmoothLoss')
    calls = Calls()
    train(cfg, calls)
    assert not calls.images and len(list(store.iterdir())) == number


def test_rows_of_other_code_are_refused(tmp_path):
    """The key is the same, and the teacher gives something else."""
    store = tmp_path / 'store'
    run(tmp_path / 'first', epochs=1, store=str(store))
    from mmnystrom.plugin.replay.row_file import RowFile

    path = next(store.glob('*/neck.gap/*view0000.npy'))
    file = RowFile(path, 60, (64, 1, 1), '<f4')
    file.write(np.arange(60), 1.5 * file.read(np.arange(60))[0])
    with pytest.raises(ReplayError, match=r'other outputs of neck.gap.*= 0.5.*Delete it'):
        run(tmp_path / 'second', epochs=1, store=str(store))


def test_workers_that_live_on(tmp_path):
    def lively(work_dir):
        cfg = config(work_dir, epochs=2, store=str(tmp_path / 'store'))
        cfg.train_dataloader.update(num_workers=1, persistent_workers=True)
        calls = Calls()
        return train(cfg, calls)[1], sum(calls.images)

    first, ran = lively(tmp_path / 'first')
    again, ran_again = lively(tmp_path / 'second')
    assert (ran, ran_again) == (120, 0) and first == again


def test_the_first_pass_of_landmarks_is_epoch_0(tmp_path):
    """init='pass': what it stores is replayed in the first epoch, and the monitor has a live teacher."""

    def with_pass(work_dir):
        cfg = config(work_dir, epochs=2, store=str(tmp_path / 'store'))
        cfg.model.distiller.distill_losses.loss_kda.landmarks.init = 'pass'
        cfg.custom_hooks.append(dict(type='KernelMonitorHook'))
        calls = Calls()
        runner, curve = train(cfg, calls)
        transfer = runner.message_hub.get_scalar('val/kernel/kda/transfer').current()
        return curve, transfer, sum(calls.images)

    first, second = with_pass(tmp_path / 'first'), with_pass(tmp_path / 'second')
    assert (first[2], second[2]) == (60, 0)  # the second epoch; the pass comes before the iterations
    assert first[:2] == second[:2] and first[0][0]['distill.loss_kda'] > 0


def test_a_loop_that_counts_iterations(tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda seconds: None)  # it waits at each pass

    def by_iteration(work_dir, sampler):
        cfg = config(work_dir, store=str(tmp_path / sampler))
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=10, val_interval=100)
        cfg.train_dataloader.sampler = dict(type=sampler, shuffle=True)
        cfg.param_scheduler = []
        calls = Calls()
        return train(cfg, calls)[1], sum(calls.images)

    for sampler, images in (('InfiniteSampler', 160), ('DefaultSampler', 16 * 3 + 12 + 16 * 3 + 12 + 32)):
        first, ran = by_iteration(tmp_path / 'a', sampler)
        again, ran_again = by_iteration(tmp_path / 'b', sampler)
        assert (ran, ran_again) == (images, 0) and first == again


def test_a_resumed_run_goes_on_with_its_epoch(tmp_path):
    store = str(tmp_path / 'store')
    whole, _ = run(tmp_path / 'whole', epochs=3, store=store)
    cfg = config(tmp_path / 'cut', epochs=3, store=store)
    cfg.train_cfg.max_epochs = 2
    train(cfg)
    cfg.train_cfg.max_epochs = 3
    cfg.resume = True
    # The views are as many as epochs, and of epoch 2 either way.
    _, curve = train(cfg)
    again = np.array([[row[key] for key in sorted(row)] for row in curve])
    assert len(again) == 4 and np.abs(again[:, 1] - whole[8:, 1]).max() < 0.2
    note = json.loads((tmp_path / 'cut' / 'replay.json').read_text())
    assert note['views'] == 3


def test_gradient_accumulation_and_channels_last(tmp_path):
    def accumulate(work_dir):
        cfg = config(work_dir, store=str(tmp_path / 'store'))
        cfg.merge_from_dict(WIDER)
        cfg.optim_wrapper.accumulative_counts = 2
        cfg.custom_hooks.append(dict(type='ChannelsLastHook'))
        calls = Calls()
        return train(cfg, calls)[1], sum(calls.images)

    (first, ran), (second, again) = (accumulate(tmp_path / name) for name in 'ab')
    assert first == second and (ran, again) == (180, 0)


def of_the_hook(said):
    """Keeps the warnings of TeacherReplayHook, and not those of LandmarkHook."""

    def log(message, **kwargs):
        if message.startswith('TeacherReplayHook'):
            said.append(message)

    return log


def test_a_full_disk_lets_the_training_go_on(tmp_path, monkeypatch):
    from mmnystrom.plugin.replay import row_file

    live, _ = run(tmp_path / 'live', store=None)
    said, written = [], []

    def pwrite(file, data, at, write=row_file.os.pwrite):
        written.append(at)
        if len(written) > 2 * 70:  # in the second epoch
            raise OSError(28, 'No space left on device')
        return write(file, data, at)

    monkeypatch.setattr(row_file.os, 'pwrite', pwrite)
    monkeypatch.setattr('mmnystrom.plugin.once.print_log', of_the_hook(said))
    found, ran = run(tmp_path / 'full', store=str(tmp_path / 'store'))
    assert np.array_equal(found, live) and ran == 180
    assert len(said) == 1 and 'No space left on device' in said[0]
    monkeypatch.undo()
    again, ran = run(tmp_path / 'after', store=str(tmp_path / 'store'))
    assert ran == 110 and np.abs(again - live).max() < 1e-5


def test_outputs_too_large_for_float16_are_not_stored(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmnystrom.plugin.once.print_log', of_the_hook(said))

    class Large(Hook):
        priority = 'HIGH'

        def before_train(self, runner):
            runner.model.teacher.backbone.layer4[-1].bn2.weight.data.fill_(1e8)

    def large(work_dir):
        cfg = config(work_dir, epochs=1, store=str(tmp_path / 'store'), dtype='float16')
        calls = Calls()
        train(cfg, calls, Large())
        return sum(calls.images)

    large(tmp_path / 'a')
    assert large(tmp_path / 'b') == 60
    assert len(said) == 2 and 'too large for float16' in said[0]  # once a run


def test_a_run_leaves_the_teacher_as_it_was(tmp_path):
    runner, _ = train(config(tmp_path / 'a', epochs=1, store=str(tmp_path / 'store')))
    assert 'forward' not in vars(runner.model.teacher)
    assert find_distiller(runner.model).teacher_recorders.recorders['feat'].data_buffer


def test_a_test_has_the_live_teacher_and_builds_no_training_data(tmp_path):
    cfg = config(tmp_path / 'run', store=str(tmp_path / 'store'))
    cfg.experiment_name = str(tmp_path)
    with unformatted():
        runner = Runner.from_cfg(cfg)
        assert 'accuracy/top1' in runner.test()
    assert isinstance(runner._train_loop, dict) and not (tmp_path / 'store').exists()


REFUSED = {
    'teacher_trainable=True': dict(model__teacher_trainable=True),
    'teacher_norm_eval=False': dict(model__teacher_norm_eval=False),
    'batch_augments: RandomBatchAugment': dict(
        model__data_preprocessor__batch_augments=dict(augments=dict(type='Mixup', alpha=0.8))
    ),
    'FunctionOutputsRecorder': dict(
        model__distiller__teacher_recorders__odd=dict(
            type='FunctionOutputs', source='mmpretrain.models.utils.helpers.to_2tuple'
        )
    ),
    r'distill_deliveries \(odd\)': dict(
        model__distiller__distill_deliveries=dict(
            odd=dict(
                type='FunctionOutputs',
                max_keep_data=1,
                func_path='mmpretrain.models.utils.helpers.to_2tuple',
            )
        )
    ),
    'does not call one teacher as a whole': dict(model__type='FpnTeacherDistill'),
    'RepeatAugSampler': dict(train_dataloader__sampler=dict(type='RepeatAugSampler')),
    r'max_gib=1e-06.*(?:\n|.)*fewer views': dict(custom_hooks=dict(max_gib=1e-6)),
    "end its pipeline in dict\\(type='PackInputs'\\)": dict(train_dataloader__dataset__pipeline=[]),
    'holds 2 TeacherReplayHooks': dict(custom_hooks=None),
}


@pytest.mark.parametrize('message', REFUSED)
def test_refused_before_the_run(tmp_path, message):
    changes = dict(REFUSED[message])
    hook = dict(type='TeacherReplayHook', store=str(tmp_path / 'store'))
    hooks = [dict(type='LandmarkHook', warmup_epochs=0), hook]
    if 'custom_hooks' in changes:
        more = changes.pop('custom_hooks')
        hooks = [*hooks, hook] if more is None else [hooks[0], {**hook, **more}]
    cfg = kda_config(tmp_path / 'run', epochs=1, custom_hooks=hooks, **changes)
    with pytest.raises(ReplayError, match=message):
        train(cfg)
    assert not list((tmp_path / 'store').glob('*/*/*.npy'))


def test_a_pipeline_with_a_generator_of_its_own_is_refused(tmp_path):
    own = np.random.default_rng(0)

    @TRANSFORMS.register_module(force=True)
    class Own(BaseTransform):
        def transform(self, results):
            results['img'] = own.integers(0, 255, results['img'].shape, np.uint8)
            return results

    cfg = config(tmp_path / 'run', epochs=1, store=str(tmp_path / 'store'))
    cfg.train_dataloader.dataset.pipeline.insert(0, dict(type='Own'))
    with pytest.raises(ReplayError, match='generator that is neither of numpy'):
        train(cfg)


def test_what_cannot_be_replayed_may_run_live(tmp_path):
    cfg = config(tmp_path / 'run', store=str(tmp_path / 'store'), max_gib=1e-6, refuse=False)
    calls = Calls()
    _, curve = train(cfg, calls)
    assert sum(calls.images) == 180
    assert 'max_gib=1e-06' in json.loads((tmp_path / 'run' / 'replay.json').read_text())['live']
    seeded, _ = run(tmp_path / 'seeded', store=None)
    assert np.array_equal([[row[key] for key in sorted(row)] for row in curve], seeded)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(views=0), 'views=0'),
        (dict(views=2.5), 'views=2.5'),
        (dict(dtype='int8'), "dtype='int8'.*'bfloat16'"),
        (dict(max_gib=-1), 'max_gib=-1'),
        (dict(seed=-1), 'seed=-1'),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TeacherReplayHook(**arguments)


KILLED = """
import os, signal, sys
sys.path[:0] = [{tests!r}, {here!r}]
from mmnystrom.plugin.replay import row_file
from test_teacher_replay import config
from support import train

pwrite, writes = os.pwrite, []

def killed(file, data, at):
    writes.append(at)
    if len(writes) == {after}:
        pwrite(file, data[: len(data) // 2], at)
        os.kill(os.getpid(), signal.SIGKILL)
    return pwrite(file, data, at)

row_file.os.pwrite = killed
train(config({work_dir!r}, store={store!r}))
"""


def test_a_run_that_is_killed_leaves_nothing_wrong(tmp_path):
    """In the middle of a row: the 20th of the second epoch."""
    live, _ = run(tmp_path / 'live', store=None)
    here = Path(__file__).parent
    text = KILLED.format(
        tests=str(here.parents[1]),
        here=str(here),
        after=2 * 80 - 1,
        work_dir=str(tmp_path / 'killed'),
        store=str(tmp_path / 'store'),
    )
    done = subprocess.run([sys.executable, '-c', text], capture_output=True, text=True, timeout=200)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    again, ran = run(tmp_path / 'again', store=str(tmp_path / 'store'))
    assert ran == 180 - 79
    assert np.abs(again - live).max() < 1e-5
    assert run(tmp_path / 'third', store=str(tmp_path / 'store'))[1] == 0


def as_file(tmp_path, name, store):
    """A config for processes of their own, on images shifted by a pixel."""
    cfg = config(tmp_path / name, 'KDA + KD', store=store)
    cfg.train_dataloader.dataset.pipeline = [
        dict(type='RandomCrop', crop_size=8, padding=1),
        dict(type='PackInputs'),
    ]
    cfg.log_level = 'INFO'
    cfg.dump(tmp_path / f'{name}.py')
    return tmp_path / f'{name}.py'


def test_two_ranks_share_a_store(tmp_path):
    found, ran = [], []
    for name, store in (('live', None), ('first', 'store'), ('second', 'store')):
        file = as_file(tmp_path, name, store and str(tmp_path / store))
        output = run_ranks('train.py', file)
        said = re.findall(r'the teacher ran on (\d+) of (\d+) images', output.stdout + output.stderr)
        ran.append(said)
        rows = [
            json.loads(line)
            for path in (tmp_path / name).glob('*/vis_data/scalars.json')
            for line in path.read_text().splitlines()
        ]
        found.append(
            [[row[key] for key in sorted(row) if 'loss' in key] for row in rows if 'loss' in row]
        )
    live, first, second = map(np.array, found)
    assert live.shape == (6, 4) and len(np.unique(live[:, 0])) > 3
    assert np.abs(first - live).max() < 1e-5 and np.abs(second - live).max() < 1e-5
    assert ran == [[], [('90', '90')], [('0', '90')]]
