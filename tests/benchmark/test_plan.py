"""What is trained: needs, options, fingerprints, progress; and the options that are refused."""

import json

import pytest
from benchmark.stand_in import make, make_plan

from mmnystrom.benchmark import plan as module
from mmnystrom.benchmark.errors import SuiteError
from mmnystrom.benchmark.plan import Method, Plan, recipe


def test_overrides_name_the_checkpoints(configs):
    scheduler = make(configs)
    scheduler.train_all()
    plan = scheduler.plan
    teacher, first = (
        f'{plan.run(*run).folder.path}/epoch_9.pth' for run in (('teacher', 0), ('KD first', 1))
    )
    assert plan.run('KD', 1).overrides == [
        'randomness.seed=1',
        f'model.teacher_ckpt={teacher}',
        f'model.init_cfg.checkpoint={first}',
    ]
    assert plan.run('student alone', 0).overrides == ['randomness.seed=0']


def test_a_given_teacher(configs):
    plan = make_plan(configs, ('KD first',), teacher='/some/where.pth', options=['a=1'])
    run = plan.run('KD first', 0)
    assert run.overrides == ['randomness.seed=0', 'model.teacher_ckpt=/some/where.pth', 'a=1']
    assert run.needs == {}
    other = make_plan(configs, ('KD first',), teacher='/else/where.pth', options=['a=1'])
    assert other.run('KD first', 0).fingerprint != run.fingerprint


def test_a_given_teacher_counts_by_what_is_in_it_and_not_by_its_place(configs, tmp_path):
    places = [tmp_path / 'a.pth', tmp_path / 'b.pth']
    for place in places:
        place.write_bytes(b'weights')

    def fingerprints():
        found = []
        for teacher in (*map(str, places), 'https://somewhere/a.pth'):
            plan = make_plan(configs, teacher=teacher)
            found.append([plan.run(name, 0).fingerprint for name in ('student alone', 'KD')])
        return found

    (alone, first), (_, second), (_, address) = fingerprints()
    assert first == second != address
    places[1].write_bytes(b'other weights')
    (same, before), (_, changed), _ = fingerprints()
    assert (same, before) == (alone, first) and changed != first


def test_the_fingerprint_is_of_everything_a_result_depends_on(configs):
    def fingerprints(**kwargs):
        plan = make_plan(configs, **kwargs)
        return [run.fingerprint for run in plan]

    before = fingerprints()
    assert len(set(before)) == len(before) == 7
    for kwargs in (dict(options=['a=1']), dict(arguments=['--amp'])):
        assert not set(fingerprints(**kwargs)) & set(before)
    (configs / 'first.py').write_text('a = 5\ntrain_cfg = dict(max_epochs=2)')
    # Both stages of both seeds, and nothing else.
    assert sum(a != b for a, b in zip(fingerprints(), before, strict=True)) == 4


def test_a_recipe_is_of_the_config_and_its_options_whatever_the_seed(configs):
    plan = make_plan(configs)
    assert plan.run('KD', 0).recipe == plan.run('KD', 1).recipe == recipe(configs / 'KD.py')
    found = [
        make_plan(configs, **kwargs).run('KD', 0).recipe
        for kwargs in ({}, dict(teacher='t.pth'), dict(options=['a=1']), dict(arguments=['--amp']))
    ]
    assert found[0] == found[1] and len(set(found)) == 3
    assert plan.run('KD first', 0).recipe != found[0]


def test_a_second_machine_begins_at_another_seed(configs):
    plan = make_plan(configs, first_seed=2)
    assert [str(run) for run in plan if run.method != 'KD first'] == [
        'teacher, seed 0',
        'student alone, seed 2',
        'student alone, seed 3',
        'KD, seed 2',
        'KD, seed 3',
    ]
    assert str(plan.teacher_run(plan.seeds[0])) == 'teacher, seed 0'


def test_what_every_run_changes_in_its_config(configs):
    plan = make_plan(configs, options=['a.b=[1,2]', 'c=x'], arguments=['--amp'])
    found = plan.run('KD', 0).shared_overrides
    assert found == {'a.b': [1, 2], 'c': 'x', 'optim_wrapper.type': 'AmpOptimWrapper'}


def test_what_was_logged(configs):
    scheduler = make(configs)
    scheduler.train_all()
    run = scheduler.plan.run('KD', 1)
    assert run.folder.logged() == [63.0, 61.0]
    assert run.folder.logged('kernel/a') == [0.5]
    assert run.progress == run.length == 2


def test_runs_are_equal_if_method_and_seed_are(configs):
    plan = make_plan(configs)
    assert plan.run('KD', 1) == plan.run('KD', 1) != plan.run('KD', 0)
    assert len({*plan, *plan}) == len(plan) == 7
    assert str(plan.run('KD', 1)) == 'KD, seed 1'
    assert plan.reported == ['student alone', 'KD']


def test_a_torn_mark_counts_as_none(configs):
    run = make_plan(configs).run('KD', 0)
    run.folder.path.mkdir(parents=True)
    (run.folder.path / 'run.json').write_text('{"finished": tr')
    assert not run.finished
    assert json.dumps(run.folder.read_mark()) == '{}'


@pytest.mark.parametrize(
    ('option', 'words'),
    [
        ('train_cfg.epochs=1', None),
        ('a.b.c=1', 'has no a.b'),
        ('d.0.x=1', None),
        ('d.3.x=1', 'has no d.3'),
        ('e.x=1', 'has no e'),
        ('e', 'write key=value'),
    ],
)
def test_options_need_a_place_in_every_config(tmp_path, option, words):
    config = tmp_path / 'config.py'
    config.write_text('train_cfg = dict(max_epochs=2)\na = dict(b=1)\nd = [dict(x=2)]')
    module.resolved.cache_clear()
    plan = Plan(tmp_path, {'KD': Method(config)}, 1, options=[option])
    if words is None:
        plan.check_options()
    else:
        with pytest.raises(SuiteError, match=words):
            plan.check_options()
