"""Suites name real configs, and options reach the runs."""

from pathlib import Path

import pytest
from benchmark.stand_in import StandIn, make_plan
from mmengine.config import Config
from support import CONFIGS

from mmnystrom.benchmark.compare import suite_scheduler
from mmnystrom.benchmark.errors import SuiteError
from mmnystrom.benchmark.options import Options
from mmnystrom.benchmark.plan import STUDENT, TEACHER
from mmnystrom.benchmark.suites import known_suites
from mmnystrom.benchmark.validation import held_out

SUITES = sorted((CONFIGS / 'benchmark').glob('*.py'))


@pytest.mark.parametrize('file', SUITES, ids=lambda file: file.stem)
def test_every_suite_names_real_configs(file):
    assert file.stem in known_suites()
    cfg = Config.fromfile(file)
    scheduler, found = suite_scheduler(Options(file.stem, gpus=range(8)))
    plan = scheduler.plan
    assert found.title == cfg.title and Path(found.filename) == file
    assert (TEACHER in plan.methods) == cfg.teacher.endswith('.py')
    for name, method in plan.methods.items():
        assert method.config.is_file()
        assert method.distilled == (name not in (TEACHER, STUDENT))
        if method.first:
            first = plan.methods[method.first].config
            assert 'pretrain' in first.stem or 'options' in cfg  # then it is a copy with another name
    # Twenty-three methods, the student, the first stages of AB and FT, and the teacher.
    others = {
        'imagenet': 22,
        'cifar100': 28,
        'cifar100-20': 23 + 1 + 2 + 1 + 9,
        'cifar100-w32-20e': 25,
        'cifar100-cpu': 40,
        'cifar100-gpu': 40,
    }
    others |= {'kda-weights': 9 + 1 + 1, 'kda-weights-30e': 7 + 1 + 1, 'cifar100-weights': 31 + 2}
    others |= {'cifar100-wider': 14 + 3 + 2, 'kda-batches': 3 * 3 * 3 + 2}
    others |= {f'kda-weights-digits{e}': 8 + 2 for e in ('', '-10e', '-160e')}
    expected = others.get(file.stem, 23 + 1 + 2 + 1)
    assert len(plan.methods) == expected
    assert len(plan) == (expected - 1) * cfg.seeds + 1 if TEACHER in plan.methods else expected
    if file.stem == 'imagenet':
        assert scheduler.slots == ['0,1,2,3,4,5,6,7'] and plan.teacher.startswith('https://')
        assert '--auto-scale-lr' not in plan.arguments


def test_options_reach_the_runs(tmp_path):
    teacher = tmp_path / 'teacher.pth'
    teacher.touch()
    options = dict(teacher=str(teacher), seeds=2, methods=['KD', 'AB'], amp=True, gpus=[1], ranks=1)
    where = 'optim_wrapper.optimizer.lr'
    scheduler, _ = suite_scheduler(Options('digits', cfg_options=[f'{where}=1'], **options))
    plan = scheduler.plan
    assert list(plan.methods) == [STUDENT, 'KD', 'AB first stage', 'AB']
    overrides = ['randomness.seed=1', f'model.teacher_ckpt={teacher}', f'{where}=1']
    assert plan.run('KD', 1).overrides == overrides
    assert len(plan) == 8 and plan.arguments == ('--amp',) and scheduler.slots == ['1', '1']
    assert str(plan.work_dir) == 'work_dirs/benchmark/digits'


def test_the_student_alone_can_be_left_out(tmp_path):
    plan = plan_of(tmp_path, 'validation = 0.2', methods=['KD', 'SP'], seeds=2, without_student=True)
    assert plan.reported == ['KD', 'SP'] and len(plan) == 5
    assert {run.method for run in plan} == {TEACHER, 'KD', 'SP'}
    whole = plan_of(tmp_path, 'validation = 0.2', methods=['KD', 'SP'], seeds=2)
    for run in plan:  # of the same images, held out by the student's config
        assert run.fingerprint == whole.run(run.method, run.seed).fingerprint
    with pytest.raises(SuiteError, match='is not in'):
        plan_of(tmp_path, '', methods=['NST'], without_student=True)


def test_another_number_of_ranks_is_another_batch():
    scheduler, _ = suite_scheduler(Options('digits', gpus=[0, 1], ranks=2))
    assert scheduler.plan.arguments == ('--auto-scale-lr',)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(suite='nothing'), "suite='nothing' is neither one of .*digits.* nor a file"),
        (dict(suite='digits', methods=['NST']), 'NST is not in'),
        (dict(suite='digits', teacher='none.pth'), 'does not exist'),
        (
            dict(suite='digits', methods=['KD', STUDENT], without_student=True),
            "--methods names 'student alone', which --without-student leaves out",
        ),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(SuiteError, match=words):
        suite_scheduler(Options(**options))


SUITE = """
_base_ = ['mmnystrom::benchmark/_base_/methods.py']
title = 'Mine'
pair = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'
first_stage = 'resnet18-w16_resnet18-w8_1xb32-7e_digits'
teacher = 'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py'
student = 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py'
"""
WEIGHT = 'model.distiller.distill_losses.loss_kda.loss_weight'


def plan_of(tmp_path, text, **options):
    (tmp_path / 'mine.py').write_text(SUITE + text)
    options = dict(work_dir=tmp_path / 'runs', **options)
    return suite_scheduler(Options(str(tmp_path / 'mine.py'), **options))[0].plan


def test_a_method_and_a_suite_have_options(tmp_path):
    text = f"""
methods = {{'FT': None, 'KDA x3': dict(config='kda/kda_neck', options={{'{WEIGHT}': 9}}),
           'SP': dict(_delete_=True, config='sp/sp_backbone')}}
options = {{'train_cfg.max_epochs': 7}}
"""
    plan = plan_of(tmp_path, text, methods=['KDA correlated', 'KDA x3', 'SP'])
    assert list(plan.methods) == [TEACHER, STUDENT, 'SP', 'KDA correlated', 'KDA x3']
    cfgs = {name: Config.fromfile(method.config) for name, method in plan.methods.items()}
    assert all(cfg.train_cfg.max_epochs == 7 for cfg in cfgs.values())
    losses = {name: cfg.model.distiller.distill_losses for name, cfg in cfgs.items() if 'KDA' in name}
    assert losses['KDA x3'].loss_kda.loss_weight == 9
    assert losses['KDA correlated'].loss_kda.loss_weight == 10
    assert plan.run('KDA x3', 0).fingerprint != plan.run('KDA correlated', 0).fingerprint


def test_a_suite_has_another_number_of_epochs(tmp_path):
    text = "epochs = 10\noptions = {'train_cfg.val_interval': 5}\n"
    methods = plan_of(tmp_path, text, methods=['KDA correlated']).methods
    teacher, alone, kda = (Config.fromfile(method.config) for method in methods.values())
    assert teacher.train_cfg.max_epochs == 30 and teacher.param_scheduler[1].end == 30
    for cfg in (alone, kda):
        assert cfg.train_cfg.max_epochs == cfg.param_scheduler[1].end == 10
        assert cfg.train_cfg.val_interval == 5  # what a suite says itself is what holds
    assert kda.custom_hooks[0].warmup_epochs == 1


def test_a_suite_is_scored_on_a_part_of_the_training_images(tmp_path):
    whole = plan_of(tmp_path, '', methods=['KD', 'CRD', 'AB']).methods
    part = plan_of(tmp_path, 'validation = 0.25\n', methods=['KD', 'CRD', 'AB']).methods
    assert list(part) == list(whole) and len(part) == 6
    student = Config.fromfile(whole[STUDENT].config)
    for name, method in part.items():
        found, expected = (Config.fromfile(x.config) for x in (method, whole[name]))
        assert found.train_dataloader != expected.train_dataloader
        changes = held_out(expected, 0.25, student if name == TEACHER else None)
        expected.merge_from_dict(dict(changes, custom_hooks=expected.get('custom_hooks', [])))
        assert found.to_dict() == expected.to_dict()
        assert found.test_dataloader.dataset.held_out


@pytest.mark.parametrize(
    ('text', 'options', 'words'),
    [
        (
            'validation = 1.0',
            {},
            r'mine\.py: validation=1\.0 must be a finite number > 0 and < 1: the share',
        ),
        ('validation = 1', {}, 'validation=1 must be a finite number > 0 and < 1'),
        ('epochs = 0', {}, 'epochs=0 must be an integer >= 1'),
        ('epochs = True', {}, 'epochs=True must be an integer'),
        ('seeds = 0', {}, 'seeds=0 must be an integer >= 1'),
        ("ranks = '2'", {}, "ranks='2' must be an integer"),
        ('validation = 0.1', dict(tune=True), 'scored on images held out .* do not tune it'),
    ],
)
def test_what_makes_no_sense_is_refused(text, options, words, tmp_path):
    with pytest.raises(SuiteError, match=words):
        plan_of(tmp_path, text, **options)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (
            f"methods = {{'X': dict(config='kd/kd_logits', options={{'{WEIGHT}': 9}})}}",
            "'X'.* has no .*loss_kda",
        ),
        (f"options = {{'{WEIGHT}': 9}}", 'options has .*for every run.* has no model.distiller'),
        ('options = [1]', r'options=\[1\] must be a dict'),
        ("methods = {'X': dict(config='kd/kd_logits', option={})}", r"methods\['X'\] = .* must be dict"),
        ("methods = {'X': dict(options={})}", r"methods\['X'\] = .* must be the beginning"),
    ],
)
def test_options_without_a_place_are_refused(text, words, tmp_path):
    with pytest.raises(SuiteError, match=words):
        plan_of(tmp_path, text)


def test_a_suite_has_a_work_dir(tmp_path):
    (tmp_path / 'mine.py').write_text(SUITE + "work_dir = 'work_dirs/here'\n")
    plan = suite_scheduler(Options(str(tmp_path / 'mine.py')))[0].plan
    assert str(plan.work_dir) == 'work_dirs/here'


def test_first_seeds_come_first(configs):
    # One at a time: with two, a second seed begins while the teacher of the first is still trained.
    scheduler = StandIn(make_plan(configs, only=('teacher', 'student alone', 'KD first')), 1)
    scheduler.train_all()
    assert [call[-1] for call in scheduler.calls()] == ['0'] * 3 + ['1'] * 2
