"""Mistakes that show in a run: a row is a mistake and the words that must be raised or printed."""

import copy
import os
import pickle

import mmcv
import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmpretrain.registry import MODELS
from support import kda_config, run_tool, train

ROWS = {}


def mistake(*words, epochs=1, runs=False):
    """A row: what is wrong with a config, in a function, and the words its message must hold.

    ``runs``: the run goes to its end, with a warning, and its losses are finite.
    """

    def register(function):
        ROWS[function.__name__] = function, words, epochs, runs
        return function

    return register


def distiller(cfg):
    return cfg.model.distiller


def mapping(cfg):
    return distiller(cfg).loss_forward_mappings.loss_kda


def landmarks(cfg, **spec):
    distiller(cfg).distill_losses.loss_kda.landmarks = spec
    if spec['type'] != 'class_center':
        mapping(cfg).pop('gt_label')


# What is mapped to what.


@mistake(
    "loss_kda: the student's features are .* times as long as the teacher's",
    "preset='nystrom_correlation'",
    epochs=2,
    runs=True,
)
def the_papers_loss_between_features_of_other_lengths(cfg, folder):
    loss = distiller(cfg).distill_losses.loss_kda
    distiller(cfg).distill_losses.loss_kda = dict(type='KDALoss', landmarks=loss.landmarks)


@mistake(r'loss_kda pulls \d+ times as hard', 'set loss_weight=', epochs=4, runs=True)
def a_weight_of_another_loss(cfg, folder):
    distiller(cfg).distill_losses.loss_kda.loss_weight = 3000.0


@mistake("loss_kda: s_feature is the student's feature", 'write s_feature=dict.from_student=True')
def the_student_is_not_from_the_student(cfg, folder):
    mapping(cfg).s_feature.from_student = False


@mistake("loss_kda: t_feature is the teacher's feature", 'from_student=True for it')
def the_teacher_is_from_the_student(cfg, folder):
    mapping(cfg).t_feature.from_student = True


@mistake('loss_kda: s_feature is the')
def both_are_swapped(cfg, folder):
    mapping(cfg).s_feature.from_student = False
    mapping(cfg).t_feature.from_student = True


@mistake('loss_kda: loss_forward_mappings gives it no t_feature')
def no_teacher_is_mapped(cfg, folder):
    del mapping(cfg)['t_feature']


@mistake('loss_kda: loss_forward_mappings gives it no s_feature')
def no_student_is_mapped(cfg, folder):
    del mapping(cfg)['s_feature']


@mistake('loss_kda is in distill_losses and not in loss_forward_mappings')
def the_loss_is_not_mapped(cfg, folder):
    del distiller(cfg).loss_forward_mappings['loss_kda']


@mistake('class_center landmarks need labels', r'loss_forward_mappings=dict\(loss_kda=dict\(gt_label')
def no_label_is_mapped(cfg, folder):
    del mapping(cfg)['gt_label']


@mistake('loss_kda: .* are no probabilities', 'logits at data_idx=0')
def the_label_is_the_logits(cfg, folder):
    mapping(cfg).gt_label.data_idx = 0


@mistake('loss_kda: gt_label: labels must have shape', r'got \(16, 10\)', 'data_idx=1')
def the_label_is_the_logits_of_other_classes(cfg, folder):
    mapping(cfg).gt_label.data_idx = 0
    distiller(cfg).distill_losses.loss_kda.landmarks.num_landmarks = 12


@mistake('loss_kda: gt_label must be a tensor of labels', 'data_idx=1')
def the_label_is_all_that_was_recorded(cfg, folder):
    del mapping(cfg).gt_label['data_idx']


@mistake('backbone.layer9.*is not in the model')
def a_layer_that_is_not_there(cfg, folder):
    distiller(cfg).student_recorders.feat.source = 'backbone.layer9'


@mistake('loss_kda: s_feature must have shape', 'PoolConnector')
def a_map_without_pooling(cfg, folder):
    distiller(cfg).student_recorders.feat.source = 'backbone.layer3'


@mistake('loss_kda: t_feature must be a tensor', 'PoolConnector')
def a_backbone_gives_a_tuple(cfg, folder):
    distiller(cfg).teacher_recorders.feat.source = 'backbone'


@mistake("loss_kda: t_feature comes from connector='project', whose weights would get no gradient")
def a_connector_of_the_teachers_with_weights(cfg, folder):
    project = dict(type='ProjectionConnector', in_channel=64, out_channel=32)
    distiller(cfg).connectors = dict(project=project)
    mapping(cfg).t_feature.connector = 'project'


@mistake('pol must be in "connectors"')
def a_connector_that_is_not_there(cfg, folder):
    mapping(cfg).s_feature.connector = 'pol'


@mistake('SelfDistill has no teacher', 'loss_kda')
def a_network_is_its_own_teacher(cfg, folder):
    cfg.model.type = 'SelfDistill'
    for key in ('teacher', 'teacher_ckpt'):
        del cfg.model[key]
    cfg.val_cfg = dict()


# What teaches the student nothing.


@mistake('loss_kda: s_feature needs no gradient', 'with_cp=True', epochs=2)
def a_layer_inside_a_checkpointed_block(cfg, folder):
    cfg.model.architecture.backbone.with_cp = True
    distiller(cfg).student_recorders.feat.source = 'backbone.layer4.1.conv1'
    distiller(cfg).connectors = dict(pool=dict(type='PoolConnector'))
    mapping(cfg).s_feature.connector = 'pool'
    cfg.custom_hooks.append(dict(type='ReentrantCheckpoints'))


@HOOKS.register_module(force=True)
class ReentrantCheckpoints(Hook):
    """What torch did by default for years, and does where it is asked to."""

    def before_run(self, runner):
        import torch.utils.checkpoint as module

        original = module.checkpoint

        def checkpoint(function, *args, **kwargs):
            return original(function, *args, **{**kwargs, 'use_reentrant': True})

        self.restore = lambda: setattr(module, 'checkpoint', original)
        module.checkpoint = checkpoint


@pytest.fixture(autouse=True)
def _the_real_checkpoint():
    import torch.utils.checkpoint as module

    original = module.checkpoint
    yield
    module.checkpoint = original


@mistake('loss_kda: s_feature needs no gradient', 'frozen_stages', epochs=2)
def a_frozen_student(cfg, folder):
    cfg.model.architecture.backbone.frozen_stages = 4


@mistake('2 LandmarkHooks', 'leave one')
def two_hooks(cfg, folder):
    cfg.custom_hooks.append(dict(type='LandmarkHook'))


@mistake(r"custom_hooks = \[dict\(type='LandmarkHook'")
def no_hook(cfg, folder):
    cfg.custom_hooks = []


@mistake('KernelMonitorHook measures nothing: it measures at validation', runs=True)
def a_monitor_without_validation(cfg, folder):
    cfg.custom_hooks.append(dict(type='KernelMonitorHook'))
    cfg.update(val_dataloader=None, val_cfg=None, val_evaluator=None)


# Losses that never act.


@mistake(
    'loss_kda is never on because warmup_epochs=9',
    'loss_kda was never on because warmup_epochs=9',
    epochs=2,
    runs=True,
)
def a_warm_up_beyond_the_run(cfg, folder):
    cfg.custom_hooks[0].warmup_epochs = 9


@mistake(
    'loss_kda is never on because its landmarks first exist after 4 iterations, and the run has 4',
    'loss_kda was never on because its landmarks',
    "init='pass'",
    runs=True,
)
def a_run_of_one_epoch(cfg, folder):
    pass


@mistake('loss_kda was never on because its landmarks first exist after 1000', epochs=2, runs=True)
def a_refresh_beyond_the_run(cfg, folder):
    distiller(cfg).distill_losses.loss_kda.landmarks.refresh = dict(by_epoch=False, interval=1000)


@mistake('loss_kda is never on because the train_dataloader gives no batch: 60 images, batch_size=100')
def fewer_images_than_a_batch(cfg, folder):
    cfg.train_dataloader.update(batch_size=100, drop_last=True)
    cfg.param_scheduler = []


@mistake('loss_kda is never on because none of its 2 fixed', 'was never on', 'from 0 to 59', runs=True)
def fixed_images_that_are_not_there(cfg, folder):
    landmarks(cfg, type='fixed', indices=[1000, 2000])


@mistake('1 of the 2 fixed landmarks were not met', epochs=2, runs=True)
def a_fixed_image_that_is_not_there(cfg, folder):
    landmarks(cfg, type='fixed', indices=[1, 2000])


@mistake(
    "loss_kda is never on because the teacher's features are all zero",
    "loss_kda was never on because the teacher's features are all zero",
    'teacher_ckpt',
    epochs=2,
    runs=True,
)
def a_teacher_of_zeros(cfg, folder):
    teacher = MODELS.build(cfg.model.teacher)
    state = {key: torch.zeros_like(value) for key, value in teacher.state_dict().items()}
    torch.save(dict(state_dict=state), folder / 'zeros.pth')
    cfg.model.teacher_ckpt = str(folder / 'zeros.pth')


@mistake('90 of the 100 class centres do not exist', 'no image of class 10, 11', epochs=2, runs=True)
def more_landmarks_than_classes(cfg, folder):
    distiller(cfg).distill_losses.loss_kda.landmarks.num_landmarks = 100


@mistake('1 of the 10 class centres do not exist: no image of class 0 ', epochs=2, runs=True)
def a_class_without_images(cfg, folder):
    from mmnystrom.plugin import Digits

    data = Digits('train', samples_per_class=6, pipeline=[])
    kept = [i for i in range(len(data)) if data[i]['gt_label'] != 0]
    cfg.train_dataloader.dataset.indices = kept


@mistake(r'gt_label: labels hold [789], which is outside')
def fewer_landmarks_than_classes(cfg, folder):
    distiller(cfg).distill_losses.loss_kda.landmarks.num_landmarks = 7


@mistake(
    "init='pass' makes landmarks before the first iteration, but warmup_epochs=1", epochs=2, runs=True
)
def a_pass_that_is_not_used(cfg, folder):
    distiller(cfg).distill_losses.loss_kda.landmarks.init = 'pass'
    cfg.custom_hooks[0].warmup_epochs = 1


# Numbers that are none.


@HOOKS.register_module(force=True)
class BadTeacher(Hook):
    """Spoils the first image's feature in a batch of the teacher's: in one, or in all from then on."""

    def __init__(self, value, first, last):
        self.value, self.first, self.last = value, first, last

    def before_run(self, runner):
        def spoil(module, inputs):
            if self.first <= runner.iter <= self.last:
                inputs[0][0, 0] = self.value

        # Of what enters the layer, before any recorder sees what leaves it.
        runner.model.teacher.neck.gap.register_forward_pre_hook(spoil)


def bad_teacher(cfg, value, last=5):
    cfg.custom_hooks.append(dict(type='BadTeacher', value=value, first=5, last=last))


@mistake('loss_kda: 1 samples have features that are not finite and were kept out', epochs=3, runs=True)
def one_nan(cfg, folder):
    bad_teacher(cfg, float('nan'))


@mistake('loss_kda: 1 samples have features that are not finite', epochs=3, runs=True)
def one_infinity_with_other_choices(cfg, folder):
    bad_teacher(cfg, float('inf'))
    loss = distiller(cfg).distill_losses.loss_kda
    loss.update(kernel=dict(type='rbf', gamma='median'), form='nystrom', distance='mse')


@mistake('loss_kda: 1 samples have features that are not finite', epochs=6, runs=True)
def one_nan_in_a_loss_without_landmarks(cfg, folder):
    bad_teacher(cfg, float('nan'))
    distiller(cfg).distill_losses.loss_kda = dict(type='KDALoss', preset='cka')
    mapping(cfg).pop('gt_label')


@mistake('loss_kda: 10 times in a row samples had features that are not finite', 'is stopped', epochs=6)
def nan_without_end(cfg, folder):
    bad_teacher(cfg, float('nan'), last=10**6)


@mistake('loss_kda: 3 times in a row samples had features that are not finite', epochs=3)
def a_teacher_of_nan(cfg, folder):
    teacher = MODELS.build(cfg.model.teacher)
    state = {key: value.clone() for key, value in teacher.state_dict().items()}
    state['backbone.layer4.1.bn2.weight'][:] = float('nan')
    torch.save(dict(state_dict=state), folder / 'nan.pth')
    cfg.model.teacher_ckpt = str(folder / 'nan.pth')


# What landmarks need.


@mistake("the student's landmarks have width 5 and its features width 32", r'Give student=', epochs=2)
def fixed_arrays_of_another_width(cfg, folder):
    landmarks(cfg, type='fixed', student=np.ones((3, 5)).tolist(), teacher=np.ones((3, 64)).tolist())


@mistake("classifier landmarks need the classifiers' weights", 'head.fc.weight')
def classifier_without_weights(cfg, folder):
    landmarks(cfg, type='classifier')


@mistake('fixed landmarks need the positions of the images', 'meta_keys', epochs=2)
def fixed_without_positions(cfg, folder):
    landmarks(cfg, type='fixed', indices=[1, 2])
    cfg.train_dataloader.dataset.pipeline = [dict(type='PackInputs', meta_keys=())]


@mistake('s_weight has shape', 'enter the classifier')
def classifier_rows_for_logits(cfg, folder):
    landmarks(cfg, type='classifier')
    for recorders in (distiller(cfg).student_recorders, distiller(cfg).teacher_recorders):
        recorders.feat.source = 'head.fc'
        recorders.fc = dict(type='Parameter', source='head.fc.weight')
    mapping(cfg).s_weight = dict(from_student=True, recorder='fc')
    mapping(cfg).t_weight = dict(from_student=False, recorder='fc')


# Files of weights.


def teacher_file(cfg, folder, content):
    path = folder / 'teacher.pth'
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == 'folder':
        path.mkdir()
    elif content is not None:
        torch.save(content, path)
    cfg.model.teacher_ckpt = str(path)


class Command:
    """A pickle that would run a command."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f'touch {self.target}',)


@mistake(
    'teacher.pth matches no weight of the ImageClassifier', 'begin with encoder.', 'backbone., head.'
)
def a_foreign_teacher(cfg, folder):
    teacher_file(cfg, folder, dict(state_dict={'encoder.weight': torch.ones(2)}))


@mistake('teacher.pth matches no weight', 'the checkpoint of a distillation', 'export_student.py')
def a_distillation_as_teacher(cfg, folder, good):
    teacher_file(cfg, folder, good[0])


@mistake('teacher.pth matches no weight', 'another shape')
def a_teacher_of_another_width(cfg, folder):
    teacher = copy.deepcopy(cfg.model.teacher)
    teacher.backbone.update(stem_channels=16, base_channels=16)
    teacher.head.update(in_channels=128, num_classes=7)
    state = MODELS.build(teacher).state_dict()
    teacher_file(cfg, folder, {key: x for key, x in state.items() if 'num_batches' not in key})


@mistake(r'teacher.pth matches \d+ of the \d+ weights of the ImageClassifier', '2 are not', runs=True)
def a_teacher_without_its_head(cfg, folder):
    state = MODELS.build(cfg.model.teacher).state_dict()
    teacher_file(cfg, folder, {key: value for key, value in state.items() if 'head' not in key})


@mistake('teacher.pth matches', 'entries of the file have no place in the model', runs=True)
def a_deeper_network_as_teacher(cfg, folder):
    deeper = copy.deepcopy(cfg.model.teacher)
    deeper.backbone.depth = 34
    teacher_file(cfg, folder, MODELS.build(deeper).state_dict())


@mistake('teacher.pth is empty', 'take another')
def an_empty_teacher(cfg, folder):
    teacher_file(cfg, folder, b'')


@mistake(r'teacher.pth \(\d+ bytes\) is cut off or damaged')
def a_truncated_teacher(cfg, folder, good):
    teacher_file(cfg, folder, good[1].read_bytes()[:20000])


@mistake('teacher.pth .* is no checkpoint: it is a plain pickle', 'torch.save')
def a_plain_pickle_as_teacher(cfg, folder):
    teacher_file(cfg, folder, pickle.dumps(dict(a=1)))


@mistake('teacher.pth .* is no checkpoint')
def text_as_teacher(cfg, folder):
    teacher_file(cfg, folder, b'<html>404</html>')


@mistake('teacher.pth is a folder')
def a_folder_as_teacher(cfg, folder):
    teacher_file(cfg, folder, 'folder')


@mistake('teacher.pth can not be found')
def no_teacher_there(cfg, folder):
    teacher_file(cfg, folder, None)


@mistake('No state_dict found in checkpoint file .*teacher.pth')
def a_list_as_teacher(cfg, folder):
    teacher_file(cfg, folder, [torch.ones(1)])


@mistake('teacher.pth was not loaded: it wants numpy.dtypes.ObjectDType', 'add_safe_globals')
def objects_in_the_teacher(cfg, folder):
    teacher_file(cfg, folder, dict(state_dict={}, meta=np.array(['a', 1], dtype=object)))


@mistake('teacher.pth was not loaded: it wants posix.system')
def a_hostile_teacher(cfg, folder):
    teacher_file(cfg, folder, dict(state_dict=Command('/nowhere')))


@mistake('student.pth matches no weight', 'model.architecture.init_cfg=dict.type=.Pretrained')
def a_plain_student_to_begin_with(cfg, folder):
    torch.save(MODELS.build(cfg.model.architecture).state_dict(), folder / 'student.pth')
    cfg.load_from = str(folder / 'student.pth')


# Runs that are taken up.


def resume(cfg, folder, checkpoint):
    torch.save(checkpoint, folder / 'last.pth')
    cfg.update(load_from=str(folder / 'last.pth'), resume=True)
    cfg.train_cfg.max_epochs = 2


def changed(good, **entries):
    """The good checkpoint with other entries of its landmarks; None takes one out."""
    checkpoint = copy.copy(good[0])
    state = checkpoint['state_dict'] = dict(checkpoint['state_dict'])
    for name, value in entries.items():
        key = f'distiller.distill_losses.loss_kda.landmarks.{name}'
        if value is None:
            del state[key]
        else:
            state[key] = value
    return checkpoint


@mistake('last.pth holds no meta.epoch, meta.iter, message_hub', 'without --resume')
def resumed_from_weights(cfg, folder, good):
    resume(cfg, folder, dict(state_dict=good[0]['state_dict']))


@mistake('last.pth holds no meta.epoch')
def resumed_from_anything(cfg, folder):
    resume(cfg, folder, dict(a=1))


@mistake('last_checkpoint is empty', 'delete it')
def an_empty_last_checkpoint(cfg, folder):
    (folder / 'work').mkdir()
    (folder / 'work' / 'last_checkpoint').touch()
    cfg.resume = True


@mistake('epoch_7.pth can not be found')
def a_last_checkpoint_that_is_gone(cfg, folder):
    (folder / 'work').mkdir()
    (folder / 'work' / 'last_checkpoint').write_text(str(folder / 'epoch_7.pth'))
    cfg.resume = True


@mistake('loss_kda.landmarks.student that are NaN', 'diverged')
def landmarks_of_nan(cfg, folder, good):
    resume(cfg, folder, changed(good, student=torch.full((10, 32), torch.nan)))


@mistake("strategy 'kmeans' in distiller.distill_losses.loss_kda", "asks for type='class_center'")
def landmarks_of_another_strategy(cfg, folder, good):
    resume(cfg, folder, changed(good, strategy=torch.tensor(list(b'kmeans'), dtype=torch.uint8)))


@mistake("strategy 'class_center'", "asks for type='kmeans'")
def another_strategy_of_the_same_number(cfg, folder, good):
    landmarks(cfg, type='kmeans', num_landmarks=10)
    resume(cfg, folder, good[0])


@mistake('holds 10 landmarks', 'num_landmarks=12')
def another_number_of_landmarks(cfg, folder, good):
    distiller(cfg).distill_losses.loss_kda.landmarks.num_landmarks = 12
    resume(cfg, folder, good[0])


@mistake('loss_kda.landmarks.\\* without exists')
def landmarks_without_an_entry(cfg, folder, good):
    resume(cfg, folder, changed(good, exists=None))


@mistake(r'loss_kda.landmarks.teacher of shape \(10,\), where')
def misshapen_landmarks(cfg, folder, good):
    resume(cfg, folder, changed(good, teacher=torch.ones(10)))


@mistake('loss_kda.landmarks.count of type str, where a tensor belongs')
def landmarks_that_are_no_tensors(cfg, folder, good):
    resume(cfg, folder, changed(good, count='ten'))


@mistake('landmarks of loss_kda, which this model has not', 'none of loss_kernel', runs=True)
def a_renamed_loss(cfg, folder, good):
    for part in (distiller(cfg).distill_losses, distiller(cfg).loss_forward_mappings):
        part.loss_kernel = part.pop('loss_kda')
    resume(cfg, folder, good[0])


@mistake("the teacher's landmarks have width 64 and its features width 32", 'layer it had')
def another_layer(cfg, folder, good):
    distiller(cfg).teacher_recorders.feat.source = 'backbone.layer3'
    distiller(cfg).connectors = dict(pool=dict(type='PoolConnector'))
    mapping(cfg).t_feature.connector = 'pool'
    resume(cfg, folder, good[0])


# Images.


def class_folder(cfg, folder, content):
    for name in ('0.png', '1.png'):
        mmcv.imwrite(np.zeros((8, 8, 3), np.uint8), str(folder / 'images' / 'a' / name))
    (folder / 'images' / 'a' / '2.png').write_bytes(content)
    cfg.train_dataloader.update(batch_size=3, drop_last=False)
    cfg.train_dataloader.dataset = dict(
        type='CustomDataset',
        data_root=str(folder / 'images'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
    )


@mistake('2.png cannot be read as an image', 'Remove the file')
def an_empty_image(cfg, folder):
    class_folder(cfg, folder, b'')


@mistake('failed to load image: .*2.png')
def text_as_an_image(cfg, folder):
    class_folder(cfg, folder, b'not an image')


@pytest.mark.parametrize('name', ROWS)
def test_training(name, tmp_path, good_checkpoint, said):
    change, words, epochs, runs = ROWS[name]
    cfg = kda_config(tmp_path / 'work', epochs=epochs)
    change(cfg, tmp_path, *([good_checkpoint] if change.__code__.co_argcount == 3 else []))
    error = None
    try:
        _, curve = train(cfg)
        assert all(np.isfinite(step['loss']) for step in curve)
    except Exception as raised:
        error = raised
    assert runs == (error is None), repr(error)
    said(words, error)


def test_there_are_as_many_rows_as_promised():
    assert len(ROWS) >= 60


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (dict(state_dict={'encoder.weight': torch.ones(2)}), 'given.pth matches no weight'),
        (b'', 'given.pth is empty'),
    ],
)
def test_a_checkpoint_given_to_the_test_tool(tmp_path, content, words):
    path = tmp_path / 'given.pth'
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    kda_config(tmp_path).dump(tmp_path / 'config.py')
    result = run_tool(
        'test.py', tmp_path / 'config.py', path, '--work-dir', tmp_path / 'work', check=False
    )
    assert result.returncode != 0
    assert words in result.stdout + result.stderr


def test_the_train_tool_ends_in_the_sentence(tmp_path):
    """As a user sees it: the last line says it, and the exit code is not 0."""
    cfg = kda_config(tmp_path)
    cfg.model.distiller.loss_forward_mappings.loss_kda.s_feature.from_student = False
    cfg.dump(tmp_path / 'config.py')
    result = run_tool('train.py', tmp_path / 'config.py', check=False)
    assert result.returncode != 0
    assert "s_feature is the student's feature" in result.stderr.splitlines()[-1]


def test_text_in_a_resumed_checkpoint_is_not_run(tmp_path, good_checkpoint):
    """mmengine would run ``meta['config']`` as Python."""
    target = tmp_path / 'ran'
    checkpoint = copy.deepcopy(good_checkpoint[0])
    checkpoint['meta']['config'] = f"__import__('os').system('touch {target}')"
    cfg = kda_config(tmp_path / 'work')
    resume(cfg, tmp_path, checkpoint)
    _, curve = train(cfg)
    assert curve and not target.exists()


def test_a_checkpoint_of_version_0_1_is_taken_up(tmp_path, good_checkpoint):
    """It holds no name of a strategy."""
    cfg = kda_config(tmp_path / 'work')
    resume(cfg, tmp_path, changed(good_checkpoint, strategy=None))
    _, curve = train(cfg)
    assert curve[0]['distill.loss_kda'] > 0
