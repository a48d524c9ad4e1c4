"""The digits, against scikit-learn's own arrays; CIFAR and Tiny-ImageNet, from small copies of them."""

import pickle

import mmcv
import numpy as np
import pytest
from mmpretrain.registry import DATASETS
from sklearn.datasets import load_digits

from mmnystrom.plugin import CIFAR10Images, CIFAR100Images, Digits, TinyImageNet


def arrays(**kwargs):
    dataset = DATASETS.build(dict(type='mmpretrain.Digits', pipeline=[], **kwargs))
    items = [dataset[i] for i in range(len(dataset))]
    return np.stack([item['img'] for item in items]), np.array([item['gt_label'] for item in items])


def test_the_splits_share_no_image_and_leave_none_out():
    images, labels = (
        np.concatenate(pair) for pair in zip(arrays(split='train'), arrays(split='test'), strict=True)
    )
    digits = load_digits()
    assert images.shape == (1797, 8, 8, 3)
    assert images.dtype == np.uint8
    assert (images == images[..., :1]).all()
    ours = sorted((label, image[..., 0].tobytes()) for label, image in zip(labels, images, strict=True))
    theirs = np.rint(digits.images / 16 * 255).astype(np.uint8)
    assert ours == sorted(
        (label, image.tobytes()) for label, image in zip(digits.target, theirs, strict=True)
    )


def test_stratified():
    train, test = (np.bincount(arrays(split=split)[1]) for split in ('train', 'test'))
    assert np.abs(train - test).max() <= 1
    assert (train.sum(), test.sum()) == (896, 901)


def test_fewer_images_are_some_of_the_same():
    images, labels = arrays(split='train', samples_per_class=30)
    assert np.bincount(labels).tolist() == [30] * 10
    everything = {image.tobytes() for image in arrays(split='train')[0]}
    assert {image.tobytes() for image in images} <= everything
    assert len(np.unique(images, axis=0)) == 300


def test_classes_and_a_usual_pipeline():
    dataset = DATASETS.build(
        dict(
            type='mmpretrain.Digits',
            split='train',
            pipeline=[dict(type='mmpretrain.Resize', scale=32), dict(type='mmpretrain.PackInputs')],
        )
    )
    assert tuple('0123456789') == dataset.CLASSES
    assert dataset[0]['inputs'].shape == (3, 32, 32)
    assert not dataset.test_mode
    assert Digits('test').test_mode


@pytest.mark.parametrize(
    ('kwargs', 'words'),
    [
        (dict(split='val'), "split='val' is unknown"),
        (dict(split='train', samples_per_class=0), 'samples_per_class=0 must be'),
        (dict(split='train', samples_per_class=88), 'from 1 to 87'),
        (dict(split='test', samples_per_class=5), 'leave it out'),
    ],
)
def test_bad_arguments(kwargs, words):
    with pytest.raises(ValueError, match=words):
        Digits(**kwargs)


@pytest.fixture
def folders(tmp_path):
    """A class folder with one image for every class of CIFAR-100; blue, green and red unlike."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
    for name, image in zip(CIFAR100Images.METAINFO['classes'], images, strict=True):
        mmcv.imwrite(image, str(tmp_path / 'train' / name / '0.png'))  # takes BGR
    return tmp_path, images


def test_cifar_from_class_folders(folders):
    root, images = folders
    dataset = CIFAR100Images(data_root=str(root), split='train', pipeline=[])
    assert len(dataset) == 100 and len(dataset.CLASSES) == 100
    for label in (0, 42, 99):
        item = dataset[label]
        assert item['gt_label'] == label
        assert np.array_equal(item['img'], images[label])
    few = CIFAR100Images(data_root=str(root), split='train', num_classes=20, pipeline=[])
    assert len(few) == 20 and dataset.CLASSES[:20] == few.CLASSES
    assert max(few.get_gt_labels()) == 19
    some = CIFAR100Images(data_root=str(root), split='train', num_classes=30, first_class=20, pipeline=[])
    assert dataset.CLASSES[20:50] == some.CLASSES and list(some.get_gt_labels()) == list(range(30))
    assert np.array_equal(some[5]['img'], images[25])
    last = CIFAR100Images(data_root=str(root), split='train', first_class=98, pipeline=[])
    assert dataset.CLASSES[98:] == last.CLASSES and len(last) == 2


def test_cifar_from_the_archive_is_the_same(folders, tmp_path, monkeypatch):
    """What CIFAR100 reads as RGB comes as BGR, like an image of a file."""
    _, images = folders
    archive = tmp_path / 'archive'
    base = archive / CIFAR100Images.base_folder
    base.mkdir(parents=True)
    rows = images[..., ::-1].transpose(0, 3, 1, 2).reshape(100, -1)
    (base / 'train').write_bytes(pickle.dumps(dict(data=rows, fine_labels=list(range(100)))))
    monkeypatch.setattr(CIFAR100Images, '_check_integrity', lambda self: True)
    monkeypatch.setattr(CIFAR100Images, '_load_meta', lambda self: None)
    dataset = CIFAR100Images(data_root=str(archive), split='train', num_classes=30, pipeline=[])
    assert len(dataset) == 30
    assert np.array_equal(dataset[7]['img'], images[7])
    some = CIFAR100Images(
        data_root=str(archive), split='train', num_classes=30, first_class=20, pipeline=[]
    )
    assert CIFAR100Images.METAINFO['classes'][20:50] == some.CLASSES
    assert list(some.get_gt_labels()) == list(range(30)) and np.array_equal(some[5]['img'], images[25])


def test_folders_of_something_else(tmp_path):
    (tmp_path / 'train' / 'cats').mkdir(parents=True)
    with pytest.raises(ValueError, match='the 1 folders of .* are not the 10 classes'):
        CIFAR10Images(data_root=str(tmp_path), split='train', pipeline=[])
    with pytest.raises(ValueError, match='first_class=0, num_classes=11: CIFAR10Images has'):
        CIFAR10Images(data_root=str(tmp_path), num_classes=11, pipeline=[])
    with pytest.raises(ValueError, match='num_classes'):
        CIFAR10Images(data_root=str(tmp_path), num_classes=0, pipeline=[])
    with pytest.raises(ValueError, match='first_class=6, num_classes=5: .* at most 10'):
        CIFAR10Images(data_root=str(tmp_path), num_classes=5, first_class=6, pipeline=[])
    with pytest.raises(ValueError, match='first_class=10, num_classes=None: CIFAR10Images has'):
        CIFAR10Images(data_root=str(tmp_path), first_class=10, pipeline=[])
    with pytest.raises(ValueError, match='first_class=-1'):
        CIFAR10Images(data_root=str(tmp_path), first_class=-1, pipeline=[])


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / 'wnids.txt').write_text('n03\nn01\n')
    for name in ('n01', 'n03'):
        for i in range(2):
            image = np.full((64, 64, 3), int(name[1:]), np.uint8)
            mmcv.imwrite(image, str(tmp_path / 'train' / name / 'images' / f'{name}_{i}.JPEG'))
    mmcv.imwrite(np.zeros((64, 64, 3), np.uint8), str(tmp_path / 'val' / 'images' / 'val_0.JPEG'))
    (tmp_path / 'val' / 'val_annotations.txt').write_text('val_0.JPEG\tn03\t0\t0\t9\t9\n')
    return tmp_path


def test_tiny_imagenet(tiny):
    train = TinyImageNet(str(tiny), pipeline=[dict(type='LoadImageFromFile')])
    assert train.CLASSES == ('n01', 'n03')
    assert list(train.get_gt_labels()) == [0, 0, 1, 1]
    assert abs(int(train[3]['img'].mean()) - 3) <= 1
    val = TinyImageNet(str(tiny), split='val', pipeline=[dict(type='LoadImageFromFile')])
    assert list(val.get_gt_labels()) == [1] and val.test_mode
    assert val[0]['img'].shape == (64, 64, 3)


def test_no_tiny_imagenet(tmp_path):
    with pytest.raises(FileNotFoundError, match='unpack tiny-imagenet-200.zip'):
        TinyImageNet(str(tmp_path))
    with pytest.raises(ValueError, match="split='test' is unknown"):
        TinyImageNet(str(tmp_path), split='test')
