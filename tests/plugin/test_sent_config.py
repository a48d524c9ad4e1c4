"""A config that came in a file: what mmengine writes is read back, and nothing of it is run.

The table of hostile texts, through the tool that reads them, is tests/faults/test_tools.py.
"""

import math

import pytest
from mmengine.config import Config
from support import CONFIGS

from mmnystrom.plugin.sent_config import UntrustedConfigError, check_sent_parts, read_sent_config

SHIPPED = sorted(CONFIGS.glob('distill/mmpretrain/*/*.py'))[::10]


@pytest.mark.parametrize('file', SHIPPED, ids=lambda file: file.stem)
def test_what_mmengine_writes_is_read_back(file):
    cfg = Config.fromfile(file)
    found = read_sent_config(cfg.pretty_text, 'a.pth')
    assert found.to_dict() == cfg.to_dict()
    model = {key: found.model.get(key) for key in ('architecture', 'data_preprocessor', '_scope_')}
    parts = {key: found.get(key) for key in ('default_scope', 'test_dataloader')}
    check_sent_parts(dict(model=model, **parts), 'a.pth')


def test_every_literal():
    text = """
a = dict(b=[1, -2.5, None, True], c=(1,), d={'x': {3}}, e=set([4]), f=list((5,)), g=tuple([6]))
h = [inf, -inf, nan, 'it' "'s"]
i = dict([('j', 1)], k=2)
"""
    found = read_sent_config(text, 'a.pth')
    assert found.a.to_dict() == dict(b=[1, -2.5, None, True], c=(1,), d={'x': {3}}, e={4}, f=[5], g=(6,))
    assert found.h[:2] == [math.inf, -math.inf] and math.isnan(found.h[2]) and found.h[3] == "it's"
    assert found.i.to_dict() == dict(j=1, k=2)


def test_the_line_and_the_way_out_are_named():
    with pytest.raises(UntrustedConfigError, match=r"^a\.pth: its config, line 3: 'f\(\)' .*--config"):
        read_sent_config('a = 1\n\nb = dict(c=f())', 'a.pth')


@pytest.mark.parametrize('name', ['mmnystrom', 'mmrazor.models', 'mmpretrain'])
def test_imports_of_the_family_are_taken(name):
    read_sent_config(f'custom_imports = dict(imports=[{name!r}])', 'a.pth')


def test_imports_that_fail_are_named():
    with pytest.raises(UntrustedConfigError, match=r"imports 'mmrazor\.nothing' .*fails: No module"):
        read_sent_config("custom_imports = dict(imports='mmrazor.nothing')", 'a.pth')


@pytest.mark.parametrize(
    'part', [dict(type='mmpretrain.ResNet'), dict(type='mmcls.ResNet'), dict(type='mmrazor.KDALoss')]
)
def test_types_with_the_scope_of_a_family_are_taken(part):
    check_sent_parts(dict(model=part), 'a.pth')


def test_a_package_that_the_user_allows():
    part = dict(model=dict(cfg_path='mine::a.py'))
    with pytest.raises(UntrustedConfigError, match='is no config of'):
        check_sent_parts(part, 'a.pth')
    check_sent_parts(part, 'a.pth', ['mine'])
