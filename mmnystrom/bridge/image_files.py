"""Break: an image that cannot be read ends in an error of the decoder, without the name of the file.

Where: ``mmcv/transforms/loading.py`` LoadImageFromFile hands on what OpenCV says of an empty file
(``!buf.empty() in function 'imdecode_'``).
Cure: the error names the file.
Can go: once mmcv does.
"""

from __future__ import annotations

import functools

NAME = 'images that cannot be read, in errors without a name'


class UnreadableImageError(ValueError):
    """A file is no image that can be decoded."""


def is_broken() -> bool:
    """Whether the error for an empty file leaves out its name."""
    import tempfile

    from mmcv.transforms import LoadImageFromFile

    with tempfile.NamedTemporaryFile(suffix='.png') as file:
        try:
            LoadImageFromFile().transform(dict(img_path=file.name))
        except Exception as error:
            return file.name not in str(error)
    return True


def apply() -> None:
    """Wrap the transform."""
    from mmcv.transforms import LoadImageFromFile

    transform = LoadImageFromFile.transform

    @functools.wraps(transform)
    def naming_the_file(self, results):
        try:
            return transform(self, results)
        except OSError:  # it names the file
            raise
        except Exception as error:
            path = results.get('img_path') if isinstance(results, dict) else None
            if path is None or str(path) in str(error):
                raise
            raise UnreadableImageError(
                f'{path} cannot be read as an image: {str(error).strip() or type(error).__name__} Remove '
                'the file from the data set, or put the whole image there.'
            ) from error

    LoadImageFromFile.transform = naming_the_file
