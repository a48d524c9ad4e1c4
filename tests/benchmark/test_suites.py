"""Suites name real configs, and options reach the runs."""

import pytest
from mmengine.config import Config
from support import CONFIGS

from mmnystrom.benchmark.compare import suite_scheduler
from mmnystrom.benchmark.errors import SuiteError
from mmnystrom.benchmark.plan import STUDENT, TEACHER
from mmnystrom.benchmark.suites import Options, known_suites

SUITES = sorted((CONFIGS / 'benchmark').glob('*.py'))


@pytest.mark.parametrize('file', SUITES, ids=lambda file: file.stem)
def test_every_suite_names_real_configs(file):
    assert file.stem in known_suites()
    cfg = Config.fromfile(file)
    scheduler, title = suite_scheduler(Options(file.stem, gpus=range(8)))
    plan = scheduler.plan
    assert title == cfg.title
    assert (TEACHER in plan.methods) == cfg.teacher.endswith('.py')
    for name, method in plan.methods.items():
        assert method.config.is_file()
        assert method.distilled == (name not in (TEACHER, STUDENT))
        if method.first:
            assert 'pretrain' in plan.methods[method.first].config.stem
    expected = 19 + 1 + 2 + (TEACHER in plan.methods) - 2 * (file.stem == 'imagenet')
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


def test_another_number_of_ranks_is_another_batch():
    scheduler, _ = suite_scheduler(Options('digits', gpus=[0, 1], ranks=2))
    assert scheduler.plan.arguments == ('--auto-scale-lr',)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(suite='nothing'), "suite='nothing' is neither one of .*digits.* nor a file"),
        (dict(suite='digits', methods=['NST']), 'NST is not in'),
        (dict(suite='digits', teacher='none.pth'), 'does not exist'),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(SuiteError, match=words):
        suite_scheduler(Options(**options))
