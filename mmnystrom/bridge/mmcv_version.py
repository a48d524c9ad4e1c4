"""Break: mmrazor refuses every mmcv newer than 2.1.0.

Where: ``mmrazor/__init__.py`` asserts ``mmcv <= 2.1.0``; an unpinned ``pip install mmcv-lite``
gives 2.2.0. mmpretrain 1.2.0, which bounds the same interfaces, accepts it.
Cure: mmrazor is imported once while ``mmcv.__version__`` reads as the newest version it knows;
the true version is put back before anything else runs.
Can go: once mmrazor lifts the bound.
"""

from __future__ import annotations

NAME = 'mmcv newer than mmrazor allows'
NEWEST_KNOWN = '2.1.0'
OLDEST_ALLOWED = '2.0.0'


def is_broken() -> bool:
    """Whether importing mmrazor fails on its bound for mmcv."""
    import mmcv
    from mmengine.utils import digit_version

    if digit_version(mmcv.__version__) < digit_version(OLDEST_ALLOWED):
        raise ImportError(
            f'mmcv {mmcv.__version__} is too old for mmpretrain 1.2 and mmrazor 1.0: '
            'pip install "mmcv-lite==2.1.0" (or mmcv 2.x, if you need its operators).'
        )
    try:
        import mmrazor  # noqa: F401
    except AssertionError as error:
        if 'MMCV' in str(error):
            return True
        raise ImportError(str(error)) from error
    return False


def apply() -> None:
    """Import mmrazor past its bound."""
    import mmcv

    version = mmcv.__version__
    mmcv.__version__ = NEWEST_KNOWN
    try:
        import mmrazor  # noqa: F401
    finally:
        mmcv.__version__ = version
