"""Data sets: one that needs no download, CIFAR from class folders too, Tiny-ImageNet."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mmpretrain.datasets import CIFAR10, CIFAR100, BaseDataset
from mmpretrain.registry import TRANSFORMS
from sklearn.datasets import load_digits

from mmnystrom.core import check_integer
from mmnystrom.registry import DATASETS

from .batched import CropAndFlip

#: The file is text: to read it takes longer than an epoch of some of the runs on it.
_read_digits = functools.cache(load_digits)


@DATASETS.register_module()
class Digits(BaseDataset):
    """Handwritten digits that scikit-learn carries: 1,797 images, 8 x 8, ten classes.

    RGB uint8 images (8, 8, 3), so that ordinary pipelines work. The split is fixed and stratified:
    of each class the first half, in file order, is for training and the rest for testing. The file is
    in the order of its writers, so that the test split is mostly of hands not seen in training. With
    ``samples_per_class`` the training split is thinned evenly to that many images a class.

    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.

    Args:
        split: ``'train'`` (896 images) or ``'test'`` (901 images).
        samples_per_class: Training images of each class. Defaults to None, all of them.
        metainfo: Meta information, beside the classes' names. Defaults to None.
        **kwargs: As for every data set of mmpretrain: ``pipeline``, ``test_mode``, ...

    Raises:
        ValueError: If the split is unknown, or ``samples_per_class`` is not between 1 and the 87 that
            every class has, or is given for the test split.
    """

    METAINFO = dict(classes=tuple(str(digit) for digit in range(10)))

    def __init__(
        self,
        split: str = 'train',
        samples_per_class: int | None = None,
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f"split={split!r} is unknown: write 'train' or 'test'.")
        if samples_per_class is not None:
            if split == 'test':
                raise ValueError(
                    f'samples_per_class={samples_per_class!r} thins the training split only: leave it '
                    "out for split='test'."
                )
            if not isinstance(samples_per_class, int) or not 1 <= samples_per_class <= 87:
                raise ValueError(
                    f'samples_per_class={samples_per_class!r} must be an integer from 1 to 87, which '
                    'every class has in the training split.'
                )
        self.split = split
        self.samples_per_class = samples_per_class
        kwargs.setdefault('test_mode', split == 'test')
        super().__init__(ann_file='', metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Images and labels of the split."""
        digits = _read_digits()
        images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        images = np.repeat(images[..., None], 3, axis=-1)
        chosen = []
        for label in range(10):
            indices = np.flatnonzero(digits.target == label)
            half = len(indices) // 2
            indices = indices[:half] if self.split == 'train' else indices[half:]
            if self.samples_per_class is not None:
                even = np.linspace(0, len(indices) - 1, self.samples_per_class)
                indices = indices[np.rint(even).astype(int)]
            chosen.extend(indices.tolist())
        return [dict(img=images[i], gt_label=int(digits.target[i])) for i in sorted(chosen)]


class _Images:
    """What :class:`CIFAR10Images` and :class:`CIFAR100Images` add to mmpretrain's CIFAR."""

    SHAPE = (32, 32, 3)

    def __init__(
        self, num_classes: int | None = None, batched: bool = True, first_class: int = 0, **kwargs
    ) -> None:
        self.batched = batched
        self.first_class = first_class
        check_integer('first_class', first_class, 0)
        if num_classes is not None:
            check_integer('num_classes', num_classes)
        known = self.METAINFO['classes']
        last = len(known) if num_classes is None else first_class + num_classes
        if not first_class < last <= len(known):
            raise ValueError(
                f'first_class={first_class}, num_classes={num_classes}: {type(self).__name__} has '
                f'{len(known)} classes, so first_class must be below {len(known)}, and first_class + '
                f'num_classes at most {len(known)}.'
            )
        if last - first_class < len(known):
            kept = known[first_class:last]
            kwargs['metainfo'] = dict(kwargs.get('metainfo') or {}, classes=kept)
        super().__init__(**kwargs)

    def __getitems__(self, indices: list[int]) -> list[dict]:
        """A batch, as torch's loaders ask for it."""
        found = self.at_once(indices)
        return [self[index] for index in indices] if found is None else found

    def at_once(
        self,
        indices: list[int],
        draws: np.ndarray | None = None,
        before_rest: Callable[[int], None] | None = None,
    ) -> list[dict] | None:
        """A batch that is cropped and flipped at once.

        Args:
            indices: The images.
            draws: As for :class:`~mmnystrom.plugin.batched.CropAndFlip`. Defaults to None.
            before_rest: As there. Defaults to None.

        Returns:
            The images; None if the pipeline begins otherwise, and each must go through it by itself.
        """
        transform = CropAndFlip.of(self.pipeline.transforms) if self.batched else None
        if transform is None:
            return None
        found = transform([self.get_data_info(index) for index in indices], draws, before_rest)
        for place, item in enumerate(found):
            if item is None:  # then another image takes its place, which is the data set's own affair
                if before_rest is not None:
                    before_rest(place)
                found[place] = self[indices[place]]
        return found

    def load_data_list(self) -> list[dict]:
        """Images (32, 32, 3), BGR, and labels of the split."""
        folder = Path(self.data_prefix['root']) / self.split
        if folder.is_dir():
            rows = self._read_folders(folder)
        else:
            rows = super().load_data_list()
            for row in rows:
                row['img'] = row['img'][..., ::-1]
                row['gt_label'] -= self.first_class
        return [row for row in rows if 0 <= row['gt_label'] < len(self.CLASSES)]

    def _read_folders(self, folder: Path) -> list[dict]:
        known = tuple(self.METAINFO['classes'])
        found = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))
        if found != tuple(sorted(known)):
            odd = sorted(set(found) ^ set(known))
            raise ValueError(
                f'data_root: the {len(found)} folders of {folder} are not the {len(known)} classes of '
                f'{type(self).__name__} (they differ in {", ".join(odd[:4])}); for other images take '
                "mmpretrain's CustomDataset."
            )
        load = TRANSFORMS.build(dict(type='LoadImageFromFile'))
        rows = []
        for label, name in enumerate(self.CLASSES):
            paths = sorted((folder / name).glob('*.png'))
            if not paths:
                others = sorted({path.suffix for path in (folder / name).iterdir()})
                raise ValueError(
                    f'data_root: {folder / name} holds no *.png'
                    + (f', but files of the kinds {others}' if others else '')
                    + f': unpack the images of {type(self).__name__} there; for other images take '
                    "mmpretrain's CustomDataset."
                )
            for path in paths:
                image = load(dict(img_path=str(path)))['img']
                if image.shape != self.SHAPE:
                    raise ValueError(
                        f'{path} is {image.shape[1]} x {image.shape[0]} pixels, and the images of '
                        f"{type(self).__name__} are 32 x 32; for other images take mmpretrain's "
                        'CustomDataset.'
                    )
                rows.append(dict(img=image, img_path=str(path), gt_label=label))
        return rows


@DATASETS.register_module()
class CIFAR10Images(_Images, CIFAR10):
    """mmpretrain's CIFAR10, from class folders where there are some, in the channel order of files.

    Reads ``data_root/{train,test}/<class>/*.png`` if the folder of the split exists, and otherwise the
    original archive as CIFAR10 does, downloading it. Images are BGR, like every image that mmpretrain
    reads from a file (CIFAR10's own are RGB), so that a network trained on them can be given files:
    the data preprocessor needs ``to_rgb=True``. They are held in memory.

    A loader gets random crops and horizontal flips that its pipeline begins with for a whole batch at
    once, see :class:`~mmnystrom.plugin.batched.CropAndFlip`.

    Args:
        num_classes: Keep only so many classes, in alphabetical order. Defaults to None, all.
        batched: Whether to do so; if not, each image goes through the pipeline by itself. Defaults to
            True.
        first_class: The first class that is kept; it gets label 0. Defaults to 0.
        **kwargs: As for CIFAR10: ``data_root``, ``split`` (``'train'`` or ``'test'``), ``pipeline``, ...

    Raises:
        ValueError: If there are no such classes, or the folders are not those of the classes, or one
            holds no ``.png`` or an image of another size.
    """


@DATASETS.register_module()
class CIFAR100Images(_Images, CIFAR100):
    """The same for CIFAR100: see :class:`CIFAR10Images`.

    Args:
        num_classes: Keep only so many classes, in alphabetical order. Defaults to None, all.
        batched: As for :class:`CIFAR10Images`. Defaults to True.
        first_class: As for :class:`CIFAR10Images`. Defaults to 0.
        **kwargs: As for CIFAR100.

    Raises:
        ValueError: If there are no such classes, or the folders are not those of the classes, or one
            holds no ``.png`` or an image of another size.
    """


@DATASETS.register_module()
class TinyImageNet(BaseDataset):
    """Tiny-ImageNet as its archive unpacks: 200 classes, 500 training images each, 64 x 64.

    ``train/<wnid>/images/*.JPEG``, and ``val/images/*.JPEG`` with ``val/val_annotations.txt``; the
    classes are the lines of ``wnids.txt``, sorted. The pipeline begins with LoadImageFromFile.

    Source: Stanford CS231N, tiny-imagenet-200.zip. The test split has no public labels: ``val`` is what
    papers report on.

    Args:
        data_root: The folder ``tiny-imagenet-200``.
        split: ``'train'`` (100,000 images) or ``'val'`` (10,000). Defaults to ``'train'``.
        metainfo: Meta information, beside the classes' names. Defaults to None.
        **kwargs: As for every data set of mmpretrain: ``pipeline``, ``test_mode``, ...

    Raises:
        ValueError: If the split is unknown, or has no images, or a line of the annotations is short or
            names an unknown class.
        FileNotFoundError: If ``data_root`` holds no ``wnids.txt`` or no annotations.
    """

    def __init__(
        self, data_root: str, split: str = 'train', metainfo: dict | None = None, **kwargs
    ) -> None:
        if split not in ('train', 'val'):
            raise ValueError(f"split={split!r} is unknown: write 'train' or 'val'.")
        self.split = split
        names = Path(data_root) / 'wnids.txt'
        if not names.is_file():
            raise FileNotFoundError(
                f'data_root={str(data_root)!r} holds no wnids.txt: unpack tiny-imagenet-200.zip there.'
            )
        classes = tuple(sorted(names.read_text().split()))
        kwargs.setdefault('test_mode', split == 'val')
        super().__init__(
            ann_file='',
            data_root=str(data_root),
            metainfo=dict(metainfo or {}, classes=classes),
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Paths and labels of the split."""
        root = Path(self.data_root)
        label = {name: number for number, name in enumerate(self.CLASSES)}
        if self.split == 'train':
            pairs = [
                (path, name)
                for name in self.CLASSES
                for path in sorted((root / 'train' / name / 'images').glob('*.JPEG'))
            ]
        else:
            file = root / 'val' / 'val_annotations.txt'
            if not file.is_file():
                raise FileNotFoundError(f'{file} does not exist: unpack tiny-imagenet-200.zip again.')
            lines = file.read_text().splitlines()
            pairs = [self._annotation(root, i, line, label) for i, line in enumerate(lines, 1) if line]
        if not pairs:
            raise ValueError(f'{root / self.split} holds no images: unpack tiny-imagenet-200.zip again.')
        return [dict(img_path=str(path), gt_label=label[name]) for path, name in pairs]

    @staticmethod
    def _annotation(root: Path, number: int, line: str, known) -> tuple[Path, str]:
        file = root / 'val' / 'val_annotations.txt'
        columns = line.split('\t')
        if len(columns) < 2:
            raise ValueError(
                f'{file}, line {number}: {line!r} is not the name of an image, a tab, and its class: '
                'unpack tiny-imagenet-200.zip again.'
            )
        if columns[1] not in known:
            raise ValueError(
                f'{file}, line {number}: the class {columns[1]!r} of {columns[0]} is not in '
                f'{root / "wnids.txt"}: unpack tiny-imagenet-200.zip again.'
            )
        return root / 'val' / 'images' / columns[0], columns[1]
