"""The part of the training images that is held out."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from support import CONFIGS, PAIR

from mmnystrom.benchmark.validation import held_out

DISTILL = CONFIGS / 'distill/mmpretrain'
ALONE = CONFIGS / 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py'


def images_of(dataset):
    return {dataset[i]['inputs'].numpy().tobytes() for i in range(len(dataset))}


@pytest.mark.parametrize('file', [ALONE, DISTILL / f'crd/crd_neck_{PAIR}.py'], ids=['alone', 'CRD'])
def test_the_parts_have_no_image_in_common_and_none_of_the_test_split(file):
    whole, cfg = Config.fromfile(file), Config.fromfile(file)
    cfg.merge_from_dict(held_out(cfg, 0.3))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        train = DATASETS.build(cfg.train_dataloader.dataset)
        val = DATASETS.build(cfg.val_dataloader.dataset)
        test = DATASETS.build(whole.test_dataloader.dataset)
    assert (len(train), len(val)) == (140, 60) and val.test_mode
    inner = getattr(train, 'dataset', train)
    assert np.bincount(inner.get_gt_labels()).tolist() == [14] * 10
    assert np.bincount(val.get_gt_labels()).tolist() == [6] * 10
    ours = images_of(inner) | images_of(val)
    assert len(ours) == 200 and not ours & images_of(test)
    assert cfg.test_dataloader.dataset == cfg.val_dataloader.dataset


def test_a_teacher_with_more_images_does_not_know_those_of_its_student():
    folder = CONFIGS / 'vanilla/mmpretrain/digits'
    teacher = Config.fromfile(folder / 'resnet18-w16_1xb64-30e_digits.py')  # all digits for training
    student = Config.fromfile(ALONE)  # 20 of each class
    teacher.merge_from_dict(held_out(teacher, 0.3, student))
    student.merge_from_dict(held_out(student, 0.3))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        taught = DATASETS.build(teacher.train_dataloader.dataset)
        scored, also = (DATASETS.build(cfg.val_dataloader.dataset) for cfg in (student, teacher))
    assert len(scored) == 60 and images_of(scored) == images_of(also)
    assert len(taught) == 836 and not images_of(taught) & images_of(scored)
    assert teacher.test_dataloader.dataset == teacher.val_dataloader.dataset
