"""Configs of a few lines, for runs by a stand-in."""

import pytest


@pytest.fixture
def configs(tmp_path):
    for name in ('teacher', 'alone', 'first', 'KD'):
        (tmp_path / f'{name}.py').write_text(f'a = {name!r}\ntrain_cfg = dict(max_epochs=2)')
    return tmp_path
