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
    train = cfg.train_dataloader.dataset
    place = 'train_dataloader.dataset'
    while isinstance(train.get('dataset'), dict):  # a wrapper, such as that of CRD
        train, place = train.dataset, f'{place}.dataset'
    validation = cfg.val_dataloader.dataset
    while isinstance(validation.get('dataset'), dict):
        validation = validation.dataset
    images = copy.deepcopy(dict(train, test_mode=True))
    if 'pipeline' in validation:
        images['pipeline'] = copy.deepcopy(validation.pipeline)
    part = dict(_delete_=True, type='StratifiedPart', share=share)
    tested = dict(part, held_out=True, dataset=images)
    return {
        place: dict(part, held_out=False, dataset=copy.deepcopy(dict(train))),
        'val_dataloader.dataset': tested,
        'test_dataloader.dataset': copy.deepcopy(tested),
    }
