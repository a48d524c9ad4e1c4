"""Parts of data sets: what they hold, and what is refused."""

import numpy as np
import pytest
from mmpretrain.registry import DATASETS

DIGITS = dict(type='Digits', samples_per_class=10, pipeline=[])


def build(**arguments):
    return DATASETS.build(dict(type='StratifiedPart', dataset=DIGITS, **arguments))


@pytest.mark.parametrize('share', [0.1, 0.25, 0.5])
def test_parts_are_stratified_disjoint_and_whole(share):
    parts = [build(held_out=held_out, share=share) for held_out in (True, False)]
    counts = [np.bincount(part.get_gt_labels(), minlength=10) for part in parts]
    assert (counts[0] + counts[1] == 10).all() and abs(counts[0] - 10 * share).max() <= 0.5
    rows = [{part[i]['img'].tobytes() for i in range(len(part))} for part in parts]
    assert not rows[0] & rows[1] and len(rows[0] | rows[1]) == 100
    assert parts[0].metainfo['classes'] == tuple('0123456789')


def test_a_seed_is_a_draw():
    def labels(seed):
        part = build(held_out=True, share=0.3, seed=seed)
        return [part[i]['img'].tobytes() for i in range(len(part))]

    assert labels(0) == labels(0) != labels(1)


@pytest.mark.parametrize('share', [0, 1, -0.5, 1.5])
def test_a_share_must_be_between_0_and_1(share):
    with pytest.raises(ValueError, match=f'share={share!r} must be between 0 and 1'):
        build(held_out=True, share=share)


def test_fewer_images_than_classes():
    with pytest.raises(ValueError, match=r'share=0\.01 of the 100 images of Digits cannot be held out'):
        build(held_out=True, share=0.01)


def pixels(dataset):
    return {dataset.get_data_info(i)['img'].tobytes() for i in range(len(dataset))}


def test_a_data_set_without_the_images_of_another():
    whole = dict(type='Digits', pipeline=[])
    part = dict(type='StratifiedPart', dataset=DIGITS, held_out=True, share=0.3)
    rest = DATASETS.build(dict(type='WithoutImagesOf', dataset=whole, other=part))
    whole, part = DATASETS.build(whole), DATASETS.build(part)
    assert len(part) == 30 and pixels(part) < pixels(whole)
    assert pixels(rest) == pixels(whole) - pixels(part)
    assert len(rest) == sum(
        whole.get_data_info(i)['img'].tobytes() not in pixels(part) for i in range(len(whole))
    )


def test_images_of_files_are_known_by_their_paths(tmp_path):
    for i in range(6):
        path = tmp_path / f'{"ab"[i % 2]}' / f'{i}.png'
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b'never opened')
    folders = dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path), pipeline=[])
    other = dict(folders, indices=[0, 4])
    rest = DATASETS.build(dict(type='WithoutImagesOf', dataset=folders, other=other))
    left = {rest.get_data_info(i)['img_path'][-7:] for i in range(len(rest))}
    assert left == {'a/2.png', 'a/4.png', 'b/1.png', 'b/5.png'}
    with pytest.raises(ValueError, match='CustomDataset has no image that the other'):
        DATASETS.build(dict(type='WithoutImagesOf', dataset=other, other=folders))
