"""Options of mmrazor's tools: none is ignored without a word, or unknown to its launcher."""

import argparse

import pytest
from mmengine.config import Config

from mmnystrom.bridge import script_options
from mmnystrom.bridge.script_options import asked_for


@pytest.mark.parametrize(
    ('args', 'option', 'asked'),
    [
        (['--amp'], '--amp', True),
        (['--am'], '--amp', True),
        (['--auto-scale-lr'], '--amp', False),
        ([], '--amp', False),
        (['x.py', '--local-rank=1'], '--local-rank', True),
        (['--local-rank', '1'], '--local-rank', True),
        (['--local_rank=1'], '--local-rank', False),
        (['--'], '--amp', False),
    ],
)
def test_asked_for(args, option, asked):
    assert asked_for(option, args) is asked


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr(Config, 'fromfile', Config.fromfile)

    def load(text, option='--amp'):
        script_options.apply([option])
        (tmp_path / 'config.py').write_text(text)
        return Config.fromfile(str(tmp_path / 'config.py'))

    return load


def test_the_default_type_is_written_out(load):
    assert load("optim_wrapper = dict(optimizer=dict(type='SGD'))").optim_wrapper.type == 'OptimWrapper'


def test_a_written_type_is_kept(load):
    assert load("optim_wrapper = dict(type='AmpOptimWrapper')").optim_wrapper.type == 'AmpOptimWrapper'


def test_a_constructor_is_left_to_the_tool(load):
    assert 'type' not in load("optim_wrapper = dict(constructor='X')").optim_wrapper


def test_scaling_can_be_enabled(load):
    found = load('auto_scale_lr = dict(base_batch_size=256)', '--auto-scale-lr').auto_scale_lr
    assert found == dict(base_batch_size=256, enable=False)
    found = load(
        'auto_scale_lr = dict(base_batch_size=256, enable=True)', '--auto-scale-lr'
    ).auto_scale_lr
    assert found.enable is True
    assert 'enable' not in load('auto_scale_lr = dict()', '--auto-scale-lr').auto_scale_lr


@pytest.mark.parametrize('spelling', ['--local_rank', '--local-rank'])
def test_a_parser_takes_the_launchers_spelling(monkeypatch, spelling):
    monkeypatch.setattr(
        argparse.ArgumentParser, 'parse_known_args', argparse.ArgumentParser.parse_known_args
    )
    parser = argparse.ArgumentParser()
    parser.add_argument(spelling, type=int, default=0)
    script_options.apply(['--local-rank=3'])
    assert parser.parse_args(['--local-rank=3']).local_rank == 3
    assert argparse.ArgumentParser().parse_known_args(['--local-rank=3'])[1] == ['--local-rank=3']
