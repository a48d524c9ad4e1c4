"""--amp is never ignored without a word."""

import pytest
from mmengine.config import Config

from mmnystrom.bridge import amp_option


@pytest.mark.parametrize(
    ('args', 'asked'),
    [(['--amp'], True), (['--am'], True), (['--auto-scale-lr'], False), ([], False)],
)
def test_asked_for(args, asked):
    assert amp_option.is_broken(args) is asked


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr(Config, 'fromfile', Config.fromfile)
    amp_option.apply()

    def load(text):
        (tmp_path / 'config.py').write_text(text)
        return Config.fromfile(str(tmp_path / 'config.py'))

    return load


def test_the_default_type_is_written_out(load):
    assert load("optim_wrapper = dict(optimizer=dict(type='SGD'))").optim_wrapper.type == 'OptimWrapper'


def test_a_written_type_is_kept(load):
    assert load("optim_wrapper = dict(type='AmpOptimWrapper')").optim_wrapper.type == 'AmpOptimWrapper'


def test_a_constructor_is_left_to_the_tool(load):
    assert 'type' not in load("optim_wrapper = dict(constructor='X')").optim_wrapper
