"""Runs that are scored on a part of their training images, so that the test split is not read."""

from __future__ import annotations

import copy

from mmengine.config import Config

from mmnystrom.core import check_number

#: What a report says of a teacher that was trained elsewhere.
GIVEN = (
    'The teacher was given. If it was trained on the images held out, it knows them, and scores on them '
    'are too good: the more so, the closer a method imitates it.'
)


def check_share(share: object) -> None:
    """Refuse what is no share of images.

    Raises:
        ValueError: If it is not between 0 and 1.
    """
    remedy = 'the share of the training images that is held out'
    check_number('validation', share, high=1, remedy=remedy)


def held_out(cfg: Config, share: float, student: Config | None = None) -> dict:
    """Changes of a config that train on a part of its training images, and validate on the rest.

    Args:
        cfg: A config.
        share: Of the images of each class that is held out.
        student: Of a teacher the config of its student, whose part is kept from it: a teacher may have
            other images, more or of other classes. Defaults to None: ``cfg`` is of a student.
    """
    train, place = _training_images(cfg)
    if student is None:
        images = train
        rest = dict(type='StratifiedPart', share=share, held_out=False, dataset=train)
    else:
        images, _ = _training_images(student)
        rest = dict(type='WithoutImagesOf', dataset=train, other=_part_of(images, share, []))
    part = _part_of(images, share, _validation_pipeline(cfg))
    changed = {place: rest, 'val_dataloader.dataset': part, 'test_dataloader.dataset': part}
    return {key: dict(copy.deepcopy(dataset), _delete_=True) for key, dataset in changed.items()}


def _training_images(cfg: Config) -> tuple[dict, str]:
    """The data set itself, without a wrapper such as that of CRD, and its key in the config."""
    train, place = cfg.train_dataloader.dataset, 'train_dataloader.dataset'
    while isinstance(train.get('dataset'), dict):
        train, place = train.dataset, f'{place}.dataset'
    return copy.deepcopy(dict(train)), place


def _validation_pipeline(cfg: Config) -> list | None:
    validation = cfg.val_dataloader.dataset
    while isinstance(validation.get('dataset'), dict):
        validation = validation.dataset
    return copy.deepcopy(validation.get('pipeline'))


def _part_of(images: dict, share: float, pipeline: list | None) -> dict:
    dataset = dict(copy.deepcopy(images), test_mode=True)
    if pipeline is not None:
        dataset['pipeline'] = pipeline
    return dict(type='StratifiedPart', share=share, held_out=True, dataset=dataset)
