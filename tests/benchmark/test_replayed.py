"""Methods of a benchmark with hooks added."""

import json

import pytest
from mmengine.config import Config
from support import cells_of

from mmnystrom.benchmark.errors import SuiteError
from mmnystrom.benchmark.options import Options
from mmnystrom.benchmark.plan import Method, Plan
from mmnystrom.benchmark.replayed import Replayed, with_hooks, with_options
from mmnystrom.benchmark.report_table import table
from mmnystrom.benchmark.result import Result
from mmnystrom.benchmark.suites import find_suite, read_suite, suite_plan


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'kda.py'
    path.write_text("custom_hooks = [dict(type='LandmarkHook')]\nmodel = dict(a=1)\n")
    return path


def test_hooks_come_behind_those_that_are_there(config, tmp_path):
    made = with_hooks(config, tmp_path / 'new' / 'x.py', [dict(type='ChannelsLastHook')], {'model.a': 2})
    cfg = Config.fromfile(made)
    assert [hook.type for hook in cfg.custom_hooks] == ['LandmarkHook', 'ChannelsLastHook']
    assert cfg.model.a == 2
    with pytest.raises(SuiteError, match='a ChannelsLastHook already'):
        with_hooks(made, tmp_path / 'y.py', [dict(type='ChannelsLastHook')])


def test_a_method_is_replayed_and_one_without_teacher_is_not(config, tmp_path):
    method = with_options(
        'KDA + KD', Method(config, distilled=True), tmp_path / 'new', dict(views=3), True
    )
    hooks = Config.fromfile(method.config).custom_hooks
    assert hooks[2] == dict(type='TeacherReplayHook', refuse=False, views=3)
    assert hooks[1] == dict(type='ChannelsLastHook')
    assert method.store_key == 'custom_hooks.2.store' and method.config.name == 'KDA-+-KD.py'
    alone = Method(config)
    assert with_options('student alone', alone, tmp_path / 'new', dict(views=3)) == alone
    assert with_options('student alone', alone, tmp_path / 'new', dict(views=3), True).store_key is None


def test_changes_serve_several_methods(config, tmp_path):
    """mmengine takes ``_delete_`` out of what it merges."""
    changes = {'model': dict(_delete_=True, b=2)}
    for name in ('one', 'two'):
        made = with_options(name, Method(config), tmp_path / 'configs', changes=changes)
        assert Config.fromfile(made.config).model == dict(b=2)
    assert changes['model']['_delete_']


def test_hooks_that_a_method_replaces_are_not_those_of_the_options(config, tmp_path):
    changes = dict(custom_hooks=[dict(type='EMAHook'), dict(type='LandmarkHook')])
    method = Method(config, distilled=True)
    made = with_options('EMA', method, tmp_path / 'new', dict(views=3), changes=changes)
    found = [hook.type for hook in Config.fromfile(made.config).custom_hooks]
    assert found == ['EMAHook', 'LandmarkHook', 'TeacherReplayHook']
    assert made.store_key == 'custom_hooks.2.store'


def test_where_the_store_is_changes_no_result(config, tmp_path):
    """A work directory that is moved is not trained again."""
    method = with_options('KDA', Method(config, distilled=True), tmp_path / 'new', dict(views=3))
    runs = [Plan(tmp_path / name, dict(KDA=method), 1, teacher='t.pth').run('KDA', 0) for name in 'ab']
    assert f'custom_hooks.1.store={tmp_path / "a" / "replay"}' in runs[0].overrides
    assert runs[0].overrides != runs[1].overrides
    assert runs[0].fingerprint == runs[1].fingerprint


@pytest.mark.parametrize(('replay', 'views'), [(None, None), (0, None), (5, 5)])
def test_the_option_of_a_suite(tmp_path, replay, views):
    file = find_suite('digits')
    options = Options('digits', work_dir=tmp_path, methods=['KD'], replay=replay, max_gib=3)
    plan = suite_plan(read_suite(file), file, options)
    key = plan.methods['KD'].store_key
    assert (key is None) is (replay is None)
    assert plan.methods['student alone'].store_key is None is plan.methods['teacher'].store_key
    if key is not None:
        hook = Config.fromfile(plan.methods['KD'].config).custom_hooks[-1]
        assert (hook.views, hook.max_gib, hook.refuse) == (views, 3, False)


def test_what_a_run_noted(config, tmp_path):
    run = Plan(tmp_path, dict(KDA=Method(config)), 1).run('KDA', 0)
    assert Replayed.of(run) is None
    run.folder.path.mkdir(parents=True)
    note = dict(views=2, live=None, bytes={'neck.gap': 2**20, 'head.fc': 2**20}, store='x')
    (run.folder.path / 'replay.json').write_text(json.dumps(note))
    assert Replayed.of(run) == Replayed(2, 2**21, None)


def test_the_table_of_replayed_methods():
    costs = dict(time=1.5, memory=1.0, memory_bytes=1, extra_parameters=0)
    results = {
        'student alone': Result([0], [80.0], [80.0], costs=costs),
        'KD': Result([0], [90.0], [90.0], costs={**costs, 'time_replayed': 1.02}),
        'AT': Result([0], [90.0], [90.0], costs=costs),
    }
    assert 'replayed' not in table(results, [])
    results['KD'].replayed = Replayed(2, 2**21, None)
    results['AT'].replayed = Replayed(2, 0, 'too large')
    head, *rows = cells_of(table(results, []))
    cells = {row[0]: row[-2:] for row in rows}
    assert head[-2:] == ['time replayed', 'stored']
    assert cells == {'student alone': ['-', '-'], 'KD': ['1.02', '2.0 MiB'], 'AT': ['live', '-']}
