"""One run of the question whether KDA can hurt: networks, data, a teacher, a student."""

from __future__ import annotations

import functools
import random
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS, MODELS

from .networks import STUDENTS, TEACHERS, network


@dataclass(frozen=True)
class Data:
    """A data set, and how long it is trained on.

    Args:
        classes: Number of classes.
        epochs: Of a student.
        warmup: Of them without KDA.
        images: Training images of a class that the student gets.
        teacher: Name of the data its teacher was trained on.
        teacher_epochs: Of that teacher.
        batch: Images in a batch, where nothing else is said.
        lr: Learning rate at batch 64; it goes with the root of the batch.
    """

    classes: int
    epochs: int
    warmup: int
    images: int
    teacher: str
    teacher_epochs: int = 0
    batch: int = 64
    lr: float = 0.05


DATA = {
    'Digits': Data(10, 20, 4, 40, 'Digits', 40, batch=32, lr=0.1),
    'CIFAR 12 x 120': Data(12, 8, 2, 120, 'CIFAR 20 x 500'),
    'CIFAR 20 x 500': Data(20, 3, 1, 500, 'CIFAR 20 x 500', 12),
}


@dataclass(frozen=True)
class Method:
    """What a student learns from beside its labels.

    Args:
        kd: Weight of KD, temperature 4.
        kda: Arguments of the KDALoss, or None.
        task: Weight of the cross-entropy.
        ramp: Epochs over which the weight of KDA grows.
        layers: Where a KDALoss looks: ``'feat'``, the pooled features, and ``'logits'``.
    """

    kd: float = 0.0
    kda: dict | None = None
    task: float = 1.0
    ramp: int = 0
    layers: tuple[str, ...] = ('feat',)


@dataclass(frozen=True)
class Run:
    """One student."""

    data: str
    teacher: str
    student: str
    batch: int
    scale: float
    method: str
    seed: int

    @property
    def key(self) -> str:
        """Its name in the file of results."""
        scale = f'{self.scale:g}' if round(self.scale) == self.scale else '1/3'
        setting = f'{self.data} | {self.teacher} to {self.student} | {self.batch} | {scale}'
        return f'{setting} | {self.method} | {self.seed}'


@functools.cache
def images(data: str, split: str, per_class: int | None):
    """A data set, held in memory by each process."""
    crop = dict(type='RandomCrop', crop_size=32, padding=4)
    flip = dict(type='RandomFlip', prob=0.5, direction='horizontal')
    train = split == 'train'
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        if data == 'Digits':
            resize = dict(type='Resize', scale=32)
            pipeline = [resize, *([crop] if train else []), dict(type='PackInputs')]
            return DATASETS.build(
                dict(type='Digits', split=split, samples_per_class=per_class, pipeline=pipeline)
            )
        pipeline = [*([crop, flip] if train else []), dict(type='PackInputs')]
        classes = DATA[data].classes
        cfg = dict(type='CIFAR100Images', data_root='data/cifar100', split=split, pipeline=pipeline)
        if train:
            cfg['indices'] = [500 * j + i for j in range(classes) for i in range(per_class or 500)]
        return DATASETS.build(dict(cfg, num_classes=classes))


def runner_of(
    model: dict,
    data: str,
    batch: int,
    epochs: int,
    seed: int,
    work_dir: Path,
    per_class: int | None = None,
    optimizer: dict | None = None,
    custom_hooks: list | None = None,
) -> Runner:
    """A runner that writes nothing but its own log."""

    def loader(split, size):
        sampler = dict(type='DefaultSampler', shuffle=split == 'train')
        found = images(data, split, per_class if split == 'train' else None)
        return dict(batch_size=size, num_workers=0, sampler=sampler, dataset=found)

    scheduler = dict(type='CosineAnnealingLR', T_max=epochs, by_epoch=True, convert_to_iter_based=True)
    if optimizer is None:
        optimizer = dict(type='SGD', lr=DATA[data].lr * (batch / 64) ** 0.5, momentum=0.9)
    quiet = dict.fromkeys(('logger', 'checkpoint', 'timer'))
    return Runner(
        default_scope='mmpretrain',
        experiment_name=uuid.uuid4().hex,
        work_dir=str(work_dir / 'scratch'),
        model=model,
        train_dataloader=loader('train', batch),
        val_dataloader=loader('test', 256),
        val_evaluator=dict(type='Accuracy', topk=(1,)),
        val_cfg=dict(),
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=epochs),
        optim_wrapper=dict(optimizer=dict(optimizer, weight_decay=5e-4)),
        param_scheduler=scheduler,
        default_hooks=quiet,
        log_level='ERROR',
        randomness=dict(seed=seed),
        custom_hooks=custom_hooks,
    )


class Begin(Hook):
    """Put weights into a model, and set all random states, before the first iteration."""

    priority = 'VERY_HIGH'

    def __init__(self, seed: int, **states: dict) -> None:
        self.seed = seed
        self.states = states

    def before_train(self, runner) -> None:
        """Do it after mmengine has initialised the weights."""
        for name, state in self.states.items():
            getattr(runner.model, name, runner.model).load_state_dict(state)
        runner.model.to(memory_format=torch.channels_last)
        torch.manual_seed(self.seed)
        np.random.seed(self.seed)
        random.seed(self.seed)


def trained(runner, hook: Hook) -> dict:
    """Train; top-1 of the last epoch on the test split, and KDA's gradient ratio in each epoch."""
    runner.register_hook(hook)
    runner.train()
    scalars = runner.message_hub.log_scalars
    found = dict(top1=float(scalars['val/accuracy/top1'].current()))
    ratios = scalars.get('train/kernel/kda/gradient_ratio')
    if ratios is not None:
        found['gradient_ratio'] = [round(float(x), 3) for x in ratios.data[0]]
    return found


def weights_of(runner: Runner) -> dict:
    """The weights of a runner's model, in the usual memory format."""
    return {key: value.contiguous() for key, value in runner.model.state_dict().items()}


def teacher_path(work_dir: Path, data: str, name: str) -> Path:
    """The file of the teacher of a data set."""
    return work_dir / f'{DATA[data].teacher} {name}.pth'.replace(' ', '_')


def train_teacher(data: str, name: str, work_dir: Path) -> dict:
    """Train a teacher on all images of its data set."""
    of = DATA[data]
    optimizer = None if name == 'ResNet' else dict(type='AdamW', lr=1e-3)
    model = network(name, TEACHERS, of.classes)
    model['data_preprocessor'] = preprocessor(data)
    runner = runner_of(model, data, 64, of.teacher_epochs, 0, work_dir, optimizer=optimizer)
    found = trained(runner, Begin(0))
    torch.save(weights_of(runner), teacher_path(work_dir, data, name))
    return found


def teacher_state(run: Run, work_dir: Path) -> dict:
    """The teacher's weights, of its first classes; its classifier undoes the scale of its features."""
    state = torch.load(teacher_path(work_dir, run.data, run.teacher), weights_only=True)
    classes = DATA[run.data].classes
    state['head.fc.weight'] = state['head.fc.weight'][:classes] / run.scale
    state['head.fc.bias'] = state['head.fc.bias'][:classes]
    return state


def first_weights(student: dict, seed: int) -> dict:
    """The weights that a student, given by its config, begins with: the same for all methods."""
    torch.manual_seed(1000 + seed)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(student)
    model.init_weights()
    return model.state_dict()


def distillation(run: Run, method: Method) -> dict:
    """Config of the distillation model."""
    of = DATA[run.data]
    feature = dict(type='ModuleInputs', source='head.fc')
    recorders = dict(feat=feature, logits=dict(type='ModuleOutputs', source='head.fc'))
    losses, mappings = {}, {}
    if method.kd:
        losses['loss_kl'] = dict(type='KLDivergence', tau=4, loss_weight=method.kd)
        mappings['loss_kl'] = dict(
            preds_S=dict(from_student=True, recorder='logits'),
            preds_T=dict(from_student=False, recorder='logits'),
        )
    for place, layer in enumerate(method.layers if method.kda else ()):
        arguments = dict(method.kda)
        index = dict(data_idx=0) if layer == 'feat' else {}
        mapping = dict(
            s_feature=dict(from_student=True, recorder=layer, **index),
            t_feature=dict(from_student=False, recorder=layer, **index),
        )
        if 'landmarks' in arguments:
            landmarks = dict(arguments['landmarks'])
            landmarks.setdefault('num_landmarks', of.classes)
            arguments['landmarks'] = landmarks
            mapping['gt_label'] = dict(from_student=True, recorder='gt_label', data_idx=1)
        name = 'loss_kda' if place == 0 else f'loss_kda_{layer}'
        losses[name] = dict(type='KDALoss', **arguments)
        mappings[name] = mapping
    label = dict(gt_label=dict(type='ModuleInputs', source='head.loss_module'))
    return dict(
        _scope_='mmrazor',
        type='SingleTeacherDistill',
        data_preprocessor=preprocessor(run.data),
        architecture=network(run.student, STUDENTS, of.classes, method.task),
        teacher=network(run.teacher, TEACHERS, of.classes, scale=run.scale),
        distiller=dict(
            type='ConfigurableDistiller',
            student_recorders={**recorders, **label},
            teacher_recorders=recorders,
            distill_losses=losses,
            loss_forward_mappings=mappings,
        ),
    )


def preprocessor(data: str) -> dict:
    """Config of the preprocessor of 8-bit images."""
    grey = dict(mean=[78.5] * 3, std=[96.2] * 3)
    colour = dict(mean=[129.3, 124.1, 112.4], std=[68.2, 65.4, 70.4], to_rgb=True)
    classes = DATA[data].classes
    kind = 'mmpretrain.ClsDataPreprocessor'
    return dict(type=kind, num_classes=classes, **(grey if data == 'Digits' else colour))


def train_student(run: Run, method: Method, work_dir: Path) -> dict:
    """Train a student."""
    of = DATA[run.data]
    student = network(run.student, STUDENTS, of.classes)
    states = dict(student=first_weights(student, run.seed))
    hooks = None
    if method.kd or method.kda:
        model = distillation(run, method)
        states['teacher'] = teacher_state(run, work_dir)
    else:
        model = dict(student, data_preprocessor=preprocessor(run.data))
    if method.kda:
        hooks = [dict(type='LandmarkHook', warmup_epochs=of.warmup, ramp_epochs=method.ramp)]
    args = (model, run.data, run.batch, of.epochs, run.seed, work_dir)
    runner = runner_of(*args, per_class=of.images, custom_hooks=hooks)
    return trained(runner, Begin(run.seed, **states))
