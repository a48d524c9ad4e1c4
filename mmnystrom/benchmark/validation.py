"""Runs that are scored on a part of their training images, so that the test split is not read."""

from __future__ import annotations

import copy

from mmengine.config import Config

#: What a report says of a teacher that was trained elsewhere.
GIVEN = (
    'The teacher was given. If it was trained on the images held out, it knows them, and scores on them '
    'are too good: the more so, the closer a method imitates it.'
)


def held_out(cfg: Config, share: float) -> dict:
    """Changes of a config that train on a part of its training images, and validate on the rest.

    Args:
        cfg: A config.
        share: Of the images of each class that is held out.
    """
    train, place = _training_images(cfg)
    rest = dict(_delete_=True, type='StratifiedPart', share=share, held_out=False, dataset=train)
    return {place: rest, **_scored_on(_part_of(train, share, _validation_pipeline(cfg)))}


def held_out_of_student(cfg: Config, student: Config, share: float) -> dict:
    """Changes of a teacher's config that keep from it what a student is scored on.

    A teacher may have other training images than its student: more, or of other classes.

    Args:
        cfg: The teacher's config.
        student: The student's.
        share: Of the student's training images of each class that is held out.
    """
    images, _ = _training_images(student)
    train, place = _training_images(cfg)
    rest = dict(_delete_=True, type='WithoutImagesOf', dataset=train, other=_part_of(images, share, []))
    return {place: rest, **_scored_on(_part_of(images, share, _validation_pipeline(cfg)))}


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


def _scored_on(part: dict) -> dict:
    return {
        f'{loader}_dataloader.dataset': dict(copy.deepcopy(part), _delete_=True)
        for loader in ('val', 'test')
    }
