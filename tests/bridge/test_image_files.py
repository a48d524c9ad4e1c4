"""An image that cannot be read is named; one that can is read as before."""

import mmcv
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile

from mmnystrom.bridge import image_files


def test_the_break_is_cured():
    assert not image_files.is_broken()


def test_an_empty_file(tmp_path):
    (tmp_path / 'empty.png').touch()
    with pytest.raises(image_files.UnreadableImageError, match=r'empty\.png cannot be read as an image'):
        LoadImageFromFile()(dict(img_path=str(tmp_path / 'empty.png')))
    assert LoadImageFromFile(ignore_empty=True)(dict(img_path=str(tmp_path / 'empty.png'))) is None


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.png'):
        LoadImageFromFile()(dict(img_path=str(tmp_path / 'none.png')))


def test_an_image(tmp_path):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    mmcv.imwrite(image, str(tmp_path / 'a.png'))
    found = LoadImageFromFile()(dict(img_path=str(tmp_path / 'a.png')))
    assert (found['img'] == image).all()
