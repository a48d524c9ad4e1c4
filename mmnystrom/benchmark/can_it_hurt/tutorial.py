"""The tutorial's config on a user's data: 12 classes of 120 images in folders, a MobileNetV2 to train.

The file configs/tutorial/class_folders.py is copied and its first lines are changed, as it says; what is
added are the networks, a size of images that a CPU can do, and for a method its losses.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ..alone import plain
from ..places import CONFIGS
from .runs import Begin, first_weights, trained, weights_of

CLASSES, IMAGES, EPOCHS, TEACHER_EPOCHS, SIZE = 12, 120, 8, 12, 64
DATA = Path('data/cifar100')
CE = "model['architecture']['head'].update(loss=dict(loss_weight=0.1))\n"
KL = """
for side in ('student', 'teacher'):
    model['distiller'].setdefault(f'{side}_recorders', {}).update(
        logits=dict(type='ModuleOutputs', source='head.fc'))
model['distiller']['distill_losses'].update(
    loss_kl=dict(type='KLDivergence', tau=4, loss_weight=0.9))
model['distiller']['loss_forward_mappings'] = dict(
    loss_kl=dict(
        preds_S=dict(from_student=True, recorder='logits'),
        preds_T=dict(from_student=False, recorder='logits')))
"""
WITHOUT = """
model['distiller']['distill_losses'].update(loss_kda=dict(loss_weight=0.0))
"""


def instead(**arguments) -> str:
    """Another KDALoss, on the same landmarks, in the place of the tutorial's."""
    return f"""
model['distiller']['distill_losses'].update(
    loss_kda=dict(
        _delete_=True, type='KDALoss', **{arguments},
        landmarks=dict(type='class_center', num_landmarks=num_classes)))
"""


CENTERED = instead(preset='landmark_cka', loss_weight=3.0)
#: Methods, and what is added to the tutorial's file for them; None is the student alone.
METHODS: dict[str, str | None] = {
    'student alone': None,
    'KD': CE + KL + WITHOUT,
    'KDA as published': instead(loss_weight=0.04),
    'KDA as published, weight 0.231': instead(loss_weight=0.231),
    'KDA centred': CENTERED,
    'KDA centred + KD': CENTERED + CE + KL,
    'KDA correlated': '',
    'KDA correlated + KD': CE + KL,
}
NETWORKS = """
model['architecture'].update(
    backbone=dict(_delete_=True, type='mmpretrain.MobileNetV2', widen_factor=0.5),
    head=dict(head, in_channels=1280))
model['teacher'].update(
    backbone=dict(stem_channels=32, base_channels=32, depth=18),
    head=dict(head, in_channels=256))
small = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=SIZE)]
train_dataloader.update(num_workers=0, persistent_workers=False)
train_dataloader['dataset'].update(
    pipeline=[*small, dict(type='RandomCrop', crop_size=SIZE, padding=SIZE // 8),
              dict(type='RandomFlip', prob=0.5), dict(type='PackInputs')])
val_dataloader.update(num_workers=0, persistent_workers=False, batch_size=256)
val_dataloader['dataset'].update(pipeline=[*small, dict(type='PackInputs')])
""".replace('SIZE', str(SIZE))


def folders(root: Path, per_class: int | None) -> Path:
    """Class folders with links to the first images of the first classes."""
    found = root / f'images-{per_class or "all"}'
    for split, number in (('train', per_class), ('test', None)):
        for folder in sorted((DATA / split).iterdir())[:CLASSES]:
            place = found / split / folder.name
            place.mkdir(parents=True, exist_ok=True)
            for image in sorted(folder.glob('*.png'))[:number]:
                with contextlib.suppress(FileExistsError):  # of another process, too
                    (place / image.name).symlink_to(image.resolve())
    return found


def config(name: str, root: Path, epochs: int, per_class: int | None, added: str) -> Config:
    """The tutorial's file with its first lines changed, and something added."""
    text = (CONFIGS / 'tutorial' / 'class_folders.py').read_text()
    values = dict(
        num_classes=CLASSES,
        data_root=str(folders(root, per_class)),
        teacher_ckpt=str(root / 'tutorial-teacher.pth'),
        max_epochs=epochs,
    )
    for key, value in values.items():
        text, times = re.subn(rf'^{key} = .*$', f'{key} = {value!r}', text, flags=re.MULTILINE)
        if times != 1:
            raise ValueError(f'{key} stands {times} times in the tutorial, and not once.')
    path = root / f'tutorial-{name}-{uuid.uuid4().hex[:6]}.py'.replace(' ', '_').replace(',', '')
    path.write_text(f'{text}\n{NETWORKS}\n{added}\n')
    found = Config.fromfile(path, format_python_code=False)
    path.unlink()
    quiet = dict(logger=None, checkpoint=None, timer=None)
    found.merge_from_dict(
        dict(
            work_dir=str(root / 'scratch'),
            log_level='ERROR',
            experiment_name=uuid.uuid4().hex,
            val_cfg=dict(_delete_=True),
            train_cfg=dict(val_interval=epochs),
        )
    )
    found.default_hooks.update(quiet)
    return found


def train_teacher(root: Path) -> dict:
    """Train the teacher, on all images of the classes."""
    cfg = plain(config('teacher', root, TEACHER_EPOCHS, None, ''), 'teacher')
    cfg.randomness = dict(seed=0)
    runner = Runner.from_cfg(cfg)
    found = trained(runner, Begin(0))
    torch.save(dict(state_dict=weights_of(runner)), root / 'tutorial-teacher.pth')
    return found


def train_student(method: str, seed: int, root: Path) -> dict:
    """Train a student by a method."""
    added = METHODS[method]
    cfg = config(method, root, EPOCHS, IMAGES, added or '')
    cfg.randomness = dict(seed=seed)
    student = first_weights(cfg.model.architecture, seed)
    if added is None:
        cfg = plain(cfg, 'architecture')
    return trained(Runner.from_cfg(cfg), Begin(seed, student=student))
