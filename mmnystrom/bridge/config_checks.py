"""Break: three mistakes in a config end in a teacher of random weights, or in an error of torch's alone.

Where: ``mmrazor/models/algorithms/distill/configurable/single_teacher_distill.py`` takes
``teacher_ckpt=None`` without a word; a head with fewer classes than the data is ``Target 10 is out of
bounds``, or a dead CUDA context; ``in_channels`` of a head that are not those of its features are ``mat1
and mat2 shapes cannot be multiplied``, without a name.
Cure: the runner looks when it builds its training loop, and names the layer of an error of shapes.
Can go: once mmengine or mmpretrain say so themselves.
"""

from __future__ import annotations

import functools
import logging

NAME = 'a teacher of random weights, and heads that do not fit, without help'

#: Keys of a model's config that say where its weights come from.
WEIGHTS = ('checkpoint', 'checkpoint_path', 'pretrained', 'teacher_ckpt')


def is_broken() -> bool:
    """Whether training begins without these looks."""
    from mmengine.runner import Runner

    return not hasattr(Runner.train, '__wrapped__')


def apply() -> None:
    """Wrap ``Runner.train``, and what builds its loop."""
    from mmengine.runner import Runner

    train, build = Runner.train, Runner.build_train_loop

    @functools.wraps(build)
    def build_train_loop(self, loop):
        built = build(self, loop)
        model = getattr(self.model, 'module', self.model)
        _warn_of_random_teacher(self, model)
        _refuse_too_few_classes(built.dataloader.dataset, model)
        return built

    @functools.wraps(train)
    def train_and_name(self):
        try:
            return train(self)
        except RuntimeError as error:
            where = _layer_of(error, self.model) if 'shapes cannot be multiplied' in str(error) else None
            if where is None:
                raise
            raise ValueError(f'{where} ({error})') from error

    Runner.build_train_loop = build_train_loop
    Runner.train = train_and_name


def _warn_of_random_teacher(runner, model) -> None:
    from mmengine.logging import print_log
    from mmrazor.models.algorithms import SingleTeacherDistill

    if not isinstance(model, SingleTeacherDistill) or runner._load_from or runner._resume:
        return
    written = runner.cfg.get('model') or {}
    parts = [
        {k: v for k, v in written.items() if k in ('teacher_ckpt', 'init_cfg')},
        written.get('teacher'),
    ]
    trained = getattr(model, 'teacher_trainable', False)
    if not trained and not any(_names_weights(part) for part in parts):
        print_log(
            'The teacher has random weights: model.teacher_ckpt is None, and nothing in model.teacher '
            "has an init_cfg=dict(type='Pretrained', checkpoint=...). Give a checkpoint, unless you load "
            'its weights by other means.',
            logger='current',
            level=logging.WARNING,
        )


def _names_weights(part) -> bool:
    """Whether a part of a config says where weights come from."""
    if isinstance(part, dict):
        return any(
            bool(value) if key in WEIGHTS else _names_weights(value) for key, value in part.items()
        )
    if isinstance(part, (list, tuple)):
        return any(map(_names_weights, part))
    return isinstance(part, str) and part.startswith('mmpretrain::')


def _refuse_too_few_classes(dataset, model) -> None:
    from mmpretrain.models import ImageClassifier

    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    if not isinstance(classes, (list, tuple)):
        return
    networks = dict(model=model)
    networks.update({f'model.{name}': getattr(model, name, None) for name in ('architecture', 'teacher')})
    for name, network in networks.items():
        if not isinstance(network, ImageClassifier) or not network.with_head:
            continue
        number = getattr(network.head, 'num_classes', None)
        if isinstance(number, int) and number < len(classes) and _has_label_above(dataset, number - 1):
            raise ValueError(
                f'{name}.head.num_classes={number}, and the training data has {len(classes)} classes '
                f'({", ".join(map(str, classes[:3]))}, ...): set num_classes={len(classes)}, or more.'
            )


def _has_label_above(dataset, largest: int) -> bool:
    """Whether some image has one: a data set may name more classes than it has images of."""
    try:
        labels = dataset.get_gt_labels()
        return len(labels) > 0 and int(max(labels)) > largest
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError):
        return False  # of several labels an image, say


def _layer_of(error: BaseException, model) -> str | None:
    """The linear layer that an error of shapes comes from, and what to set."""
    from torch import nn

    names = {id(module): name.removeprefix('module.') for name, module in model.named_modules()}
    trace, found = error.__traceback__, None
    while trace is not None:
        module = trace.tb_frame.f_locals.get('self')
        features = trace.tb_frame.f_locals.get('input')
        if isinstance(module, nn.Linear) and id(module) in names and hasattr(features, 'shape'):
            found = names[id(module)], module.in_features, features.shape[-1]
        trace = trace.tb_next
    if found is None:
        return None
    name, takes, got = found
    whose = name.rpartition('.')[0]
    return (
        f'{name} takes {takes} channels and got {got}: set model.{whose}.in_channels={got}, or the '
        'backbone that the head is for.'
    )
