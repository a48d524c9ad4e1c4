"""What --tune tries: grid, weights, shorter schedule, the part held out; and what it chooses."""

import json

import pytest
from benchmark.stand_in import finish
from mmengine.config import Config
from support import CONFIGS, PAIR, kda_config

from mmnystrom.benchmark import figures, report_table
from mmnystrom.benchmark.errors import RunFailedError
from mmnystrom.benchmark.plan import STUDENT, TEACHER, Method, Plan
from mmnystrom.benchmark.trials import Tuning, trial_plan
from mmnystrom.benchmark.tuning import tried, tune, tuned_plan, without_papers_weights

DISTILL = CONFIGS / 'distill/mmpretrain'
ALONE = CONFIGS / 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py'
KD = DISTILL / f'kd/kd_logits_{PAIR}.py'
BOTH = DISTILL / f'kda/kda_neck-kd_{PAIR}.py'
LOSSES = 'model.distiller.distill_losses'


def small_plan(tmp_path, teacher='teacher.pth'):
    """Digits in few epochs, of configs in a folder."""
    methods = {}
    if teacher is None:
        methods[TEACHER] = Method(ALONE, seeds=1)
    cfg = kda_config(tmp_path / 'w', epochs=2)
    cfg.dump(tmp_path / 'kda.py')
    methods.update({STUDENT: Method(ALONE), 'KDA': Method(tmp_path / 'kda.py', distilled=True)})
    return Plan(tmp_path / 'runs', methods, 3, teacher, first_seed=1)


def test_trials_are_scored_and_the_chosen_weights_are_beside_the_papers(tmp_path):
    plan, tuning = small_plan(tmp_path), Tuning(trials=3, seeds=2)
    trained = []

    def train(trials):
        failed = {}
        for run in trials:
            trained.append(str(run))
            if run.method == 'KDA x0.1':
                failed[run] = f'{run}: it diverged; see log\nmore'
            else:
                finish(run, 90 if run.method in ('KDA x10', 'student alone x1') else 80 + run.seed)
        return failed

    found = tune(plan, tuning, train)
    notes = found.tuning
    assert len(trained) == 12 and 'KDA x10, seed 1' in trained
    assert notes['scores']['KDA'] == [None, [80.0, 81.0], [90.0, 90.0]]
    assert notes['chosen'] == {STUDENT: 1.0, 'KDA': 10.0}
    kda = Config.fromfile(plan.methods['KDA'].config).model.distiller.distill_losses.loss_kda
    assert notes['weights']['KDA'] == {f'{LOSSES}.loss_kda.loss_weight': kda.loss_weight}
    assert list(notes['weights'][STUDENT]) == ['optim_wrapper.optimizer.weight_decay']
    assert notes['failed']['KDA x0.1, seed 0'] == 'KDA x0.1, seed 0: it diverged; see log'
    assert list(found.methods) == [STUDENT, 'KDA', 'KDA tuned'] and found.work_dir == plan.work_dir
    assert found.seeds == plan.seeds == range(1, 4)
    before, after = (Config.fromfile(found.methods[name].config) for name in ('KDA', 'KDA tuned'))
    key = f'{LOSSES}.loss_kda.loss_weight'.split('.')
    for part in key:
        before, after = before[part], after[part]
    assert after == pytest.approx(10 * before)
    assert list(without_papers_weights(found).methods) == [STUDENT, 'KDA tuned']
    text = report_table.tuning_note(notes)
    assert 'KDA x10' in text and 'At the edge of what was tried' in text and 'it diverged' in text
    assert 'The teacher was given.' in text
    assert 'was given' not in report_table.tuning_note(dict(notes, teacher='its own'))
    figures.tuning(tmp_path / 'tuning.png', 'a title', notes)
    assert (tmp_path / 'tuning.png').stat().st_size > 5000


def test_further_trials_go_on_where_the_scores_point(tmp_path):
    plan, tuning = small_plan(tmp_path), Tuning(trials=3, further=2)
    scored = {f'{STUDENT} x{factor}': 80 for factor in (0.1, 1, 10)}
    scored |= {'KDA x0.1': 70, 'KDA x1': 75, 'KDA x10': 80, f'{STUDENT} x0.316': 81}
    scored |= {'KDA x100': 82, 'KDA x1e+03': 81}
    plans = []

    def train(trials):
        plans.append([run.method for run in trials])
        failed = {}
        for run in trials:
            if run.method in scored:
                finish(run, scored[run.method])
            else:
                failed[run] = f'{run}: it diverged'
        return failed

    notes = tune(plan, tuning, train).tuning
    assert plans[0] == [f'{name} x{factor}' for name in (STUDENT, 'KDA') for factor in (0.1, 1, 10)]
    assert plans[1:] == [[f'{STUDENT} x0.316', 'KDA x100'], [f'{STUDENT} x0.562', 'KDA x1e+03']]
    assert notes['chosen'] == {STUDENT: pytest.approx(10**-0.5), 'KDA': pytest.approx(100)}
    assert notes['scores'][STUDENT] == [[80]] * 3 and notes['factors'] == pytest.approx([0.1, 1, 10])
    by_factor = tried(notes, STUDENT)
    assert list(by_factor) == pytest.approx([0.1, 10**-0.5, 10**-0.25, 1, 10])
    assert list(by_factor.values()) == [[80], [81], None, [80], [80]]
    assert notes['failed'] == {f'{STUDENT} x0.562, seed 0': f'{STUDENT} x0.562, seed 0: it diverged'}
    text = report_table.tuning_note(json.loads(json.dumps(notes)))
    assert ', and 2 more, one after another, where its scores point, one seed, scored' in text
    assert 'At the edge' not in text
    figures.tuning(tmp_path / 'tuning.png', 'a title', notes)
    again = tune(plan, tuning, lambda trials: {}).tuning
    assert dict(again, failed=0) == dict(notes, failed=0)  # from the runs that are there


def test_the_teacher_of_the_trials_has_not_seen_what_they_are_scored_on(tmp_path):
    plan = small_plan(tmp_path, teacher=None)
    trials = trial_plan(plan, Tuning(trials=3, seeds=2, epochs=10))
    assert len(trials) == 1 + 2 * 3 * 2
    run = trials.run('KDA x10', 1)
    assert run.needs['model.teacher_ckpt'] == trials.run(TEACHER, 0)
    assert trials.run(TEACHER, 0).fingerprint != plan.run(TEACHER, 0).fingerprint
    teacher, trial, whole = (
        Config.fromfile(method.config)
        for method in (trials.methods[TEACHER], trials.methods[f'{STUDENT} x10'], plan.methods[TEACHER])
    )
    assert teacher.train_cfg.max_epochs == whole.train_cfg.max_epochs  # that of the trials is shorter
    part, scored = trial.train_dataloader.dataset, trial.val_dataloader.dataset
    assert (part.share, part.held_out) == (scored.share, not scored.held_out) == (0.1, False)
    unknown = teacher.train_dataloader.dataset.other
    assert dict(unknown, dataset=0) == dict(scored, dataset=0)
    assert dict(unknown.dataset, pipeline=0) == dict(scored.dataset, pipeline=0)
    assert tune(plan, Tuning(trials=3), lambda trials: {}).tuning['teacher'] == 'its own'
    with pytest.raises(RunFailedError, match='no'):
        tune(plan, Tuning(trials=3), lambda trials: {trials.run(TEACHER, 0): 'no'})


def test_what_keeps_the_papers_weights_is_not_trained_twice(tmp_path):
    plan = small_plan(tmp_path)
    assert list(tuned_plan(plan, dict(chosen={STUDENT: 1.0, 'KDA': 1.0})).methods) == list(plan.methods)


def test_trials_have_the_hooks_and_stages_of_their_method(tmp_path):
    folder = CONFIGS / 'distill/mmpretrain/abloss'
    first = next(folder.glob('*pretrain*digits.py'))
    methods = {
        STUDENT: Method(ALONE),
        'AB first stage': Method(first, distilled=True),
        'AB': Method(folder / f'abloss_logits_{PAIR}.py', distilled=True, first='AB first stage'),
    }
    trials = trial_plan(Plan(tmp_path, methods, 1, 't.pth'), Tuning(trials=3, epochs=10))
    assert list(trials.methods)[3:] == ['AB first stage', 'AB x0.1', 'AB x1', 'AB x10']
    run = trials.run('AB x10', 0)
    assert str(run.needs['model.init_cfg.checkpoint']) == 'AB first stage, seed 0'
    stage = Config.fromfile(trials.methods['AB first stage'].config)
    assert stage.train_dataloader.dataset.type == 'StratifiedPart'
    assert stage.train_cfg.max_epochs == Config.fromfile(first).train_cfg.max_epochs
    assert Config.fromfile(trials.methods['AB x10'].config).train_cfg.max_epochs == 10
