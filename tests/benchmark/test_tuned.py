"""Weights that an earlier report chose, and reports with tuned weights as one."""

import copy
import json
from dataclasses import replace

import pytest
from benchmark.reports import TUNING, report
from benchmark.stand_in import finish
from mmengine.config import Config

from mmnystrom.benchmark import compare, report_table
from mmnystrom.benchmark.compare import suite_scheduler
from mmnystrom.benchmark.errors import ResultError, SuiteError
from mmnystrom.benchmark.joined import join_reports
from mmnystrom.benchmark.options import Options
from mmnystrom.benchmark.plan import STUDENT, TEACHER
from mmnystrom.benchmark.scheduler import Scheduler
from mmnystrom.benchmark.suites import find_suite, read_suite
from mmnystrom.benchmark.trials import Tuning, own_weights
from mmnystrom.benchmark.tuned import of_methods

#: How the suite of Digits is tuned.
OF_DIGITS = dict(trials=5, seeds=2, validation=0.3)


@pytest.fixture
def chosen(tmp_path):
    """The results.json of a report with tuned weights."""

    def write(suite='Another', tuning=TUNING):
        (tmp_path / 'results.json').write_text(json.dumps(dict(suite=suite, tuning=tuning)))
        return tmp_path / 'results.json'

    return write


def options_of(tmp_path, file, methods=('KD', 'KDA correlated'), **more):
    return Options('digits', work_dir=tmp_path / 'w', methods=list(methods), tuned=file, **more)


def test_the_chosen_weights_are_trained_beside_the_papers(tmp_path, chosen):
    scheduler, _ = suite_scheduler(options_of(tmp_path, chosen(), first_seed=2))
    plan = scheduler.plan
    assert plan.reported == [STUDENT, 'KD', 'KDA correlated', 'KD tuned', 'KDA correlated tuned']
    assert plan.tuning == dict(TUNING, suite='Another') and list(plan.seeds) == [2, 3, 4]
    for name, loss, factor in (('KD', 'loss_kl', 10), ('KDA correlated', 'loss_kda', 0.1)):
        plain, tuned = (
            Config.fromfile(plan.methods[x].config).model.distiller.distill_losses[loss]
            for x in (name, f'{name} tuned')
        )
        assert tuned.loss_weight == pytest.approx(factor * plain.loss_weight)


def test_the_chosen_weights_take_the_place_of_the_papers(tmp_path, chosen):
    tuning = copy.deepcopy(TUNING)
    for part, value in (('chosen', 1.0), ('scores', [[1.0], [2.0], [1.0]])):
        tuning[part].update({'AB': value, 'DKD': value})
    tuning['chosen'].update({STUDENT: 10.0, 'AB': 10.0})
    options = options_of(tmp_path, chosen(tuning=tuning), ['KD', 'DKD', 'AB'], tuned_only=True)
    plan = suite_scheduler(options)[0].plan
    assert plan.reported == ['DKD', f'{STUDENT} tuned', 'KD tuned', 'AB tuned']
    assert set(plan.methods) - set(plan.reported) == {TEACHER, 'AB first stage'}
    (run,) = {run for run in plan if run.method == 'AB tuned' and run.seed == 2}
    assert run.needs['model.init_cfg.checkpoint'] == plan.run('AB first stage', 2)
    beside = suite_scheduler(replace(options, tuned_only=False))[0].plan
    assert plan.run('KD tuned', 0).fingerprint == beside.run('KD tuned', 0).fingerprint
    with pytest.raises(SuiteError, match='--tuned-only leaves out .*: add --tune or --tuned'):
        suite_scheduler(options_of(tmp_path, None, tuned_only=True))


def test_of_the_same_suite_it_needs_no_word(tmp_path, chosen):
    title = suite_scheduler(options_of(tmp_path, chosen()))[1].title
    assert 'suite' not in suite_scheduler(options_of(tmp_path, chosen(title)))[0].plan.tuning


def test_fewer_methods_have_their_own_trials_only():
    found = of_methods(TUNING, [STUDENT, 'KD'])
    assert list(found['scores']) == list(found['chosen']) == [STUDENT, 'KD']
    assert found['failed'] == TUNING['failed'] and found['factors'] == TUNING['factors']
    assert list(of_methods(TUNING, ['KD'])['failed']) == ['teacher, seed 0']
    assert len(TUNING['chosen']) == 3  # the notes themselves are as they were


def test_what_has_no_weights_is_refused(tmp_path, chosen):
    with pytest.raises(
        SuiteError,
        match=r'no weights of DKD\. It has those of student alone, KD, KDA correlated: .* add --tune',
    ):
        suite_scheduler(options_of(tmp_path, chosen(), ['KD', 'DKD']))
    for factor in (0, -1.0, '3', None, True):
        file = chosen(tuning=dict(TUNING, chosen={**TUNING['chosen'], 'KD': factor}))
        with pytest.raises(
            SuiteError, match=rf', KD: chosen={factor!r} must be a finite number > 0: the factor'
        ):
            suite_scheduler(options_of(tmp_path, file))
    with pytest.raises(SuiteError, match=r'--tuned=nowhere\.json cannot be read as JSON: .*No such file'):
        suite_scheduler(options_of(tmp_path, 'nowhere.json'))
    for text in ('{"rows": {}}', '[]', '{"tuning": {"chosen": {"KD": 1}}}'):
        (tmp_path / 'results.json').write_text(text)
        with pytest.raises(SuiteError, match='has no tuned weights: give the results.json of'):
            suite_scheduler(options_of(tmp_path, tmp_path / 'results.json'))


def test_factors_of_other_weights_than_the_configs_are_refused(tmp_path, chosen):
    plan = suite_scheduler(options_of(tmp_path, chosen()))[0].plan
    names = [STUDENT, 'KD', 'KDA correlated']
    weights = own_weights(plan, names)
    file = chosen(tuning=dict(TUNING, weights=weights))
    assert suite_scheduler(options_of(tmp_path, file))[0].plan.tuning['weights'] == weights
    assert of_methods(dict(TUNING, weights=weights), ['KD'])['weights'] == {'KD': weights['KD']}
    (key,) = weights['KDA correlated']
    changed = {**weights, 'KDA correlated': {key: 0.25}}
    file = chosen(tuning=dict(TUNING, weights=changed))
    with pytest.raises(
        SuiteError, match=r'loss_weight.: 0\.25} for KDA correlated, and its config has .*: tune'
    ):
        suite_scheduler(options_of(tmp_path, file))
    suite_scheduler(options_of(tmp_path, file, ['KD']))


@pytest.fixture
def tried(monkeypatch):
    """Stand-ins for all that trains and reports; the plans that were trained are kept."""
    plans = []

    def train_all(self, **_):
        plans.append(self.plan)
        for run in self.plan:
            finish(run, 90 if run.method.endswith('x10') else 80)

    monkeypatch.setattr(Scheduler, 'train_all', train_all)
    monkeypatch.setattr(compare, 'check_builds', lambda plan: None)
    monkeypatch.setattr(compare, 'write_report', lambda scheduler, *_: json.dumps(scheduler.plan.tuning))
    return plans


def test_only_methods_without_trials_are_tried(tmp_path, chosen, tried):
    title = read_suite(find_suite('digits')).title
    old = dict(TUNING, **OF_DIGITS, factors=Tuning(**OF_DIGITS).factors)
    old['scores'] = {name: [[80.0]] * 4 + [[88.0]] for name in TUNING['scores']}
    options = options_of(tmp_path, chosen(title, old), ['KD', 'AB'], tune=True, tuned_only=True)
    text, failed = compare.benchmark(options)
    trials, runs = tried
    assert not failed and trials.reported == [
        f'AB x{factor}' for factor in ('0.1', '0.316', 1, '3.16', 10)
    ]
    assert set(trials.methods) - set(trials.reported) == {TEACHER, 'AB first stage'}
    assert runs.reported == [STUDENT, 'KD tuned', 'AB tuned']
    notes = json.loads(text.splitlines()[1])
    assert notes == runs.tuning and notes['chosen'] == {STUDENT: 1.0, 'KD': 10.0, 'AB': 10.0}
    assert notes['scores']['AB'] == [[80, 80]] * 4 + [[90, 90]]
    assert notes['scores']['KD'] == old['scores']['KD'] and list(notes['weights']) == ['AB']
    tried.clear()
    (tmp_path / 'results.json').write_text(json.dumps(dict(suite=title, tuning=notes)))
    assert json.loads(compare.benchmark(options)[0].splitlines()[1]) == notes
    assert [plan.work_dir for plan in tried] == [tmp_path / 'w']  # no trials


def test_methods_that_had_fewer_further_trials_get_the_others(tmp_path, chosen, tried):
    (tmp_path / 'mine.py').write_text(
        "_base_ = ['mmnystrom::benchmark/digits.py']\ntune = dict(trials=3, seeds=2, further=2)\n"
    )
    title = read_suite(find_suite('digits')).title
    old = dict(TUNING, seeds=2, validation=0.3)  # as the report of a suite without further trials

    def text_of(names, notes):
        options = options_of(tmp_path, chosen(title, notes), names, tune=True)
        tried.clear()
        return compare.benchmark(replace(options, suite=str(tmp_path / 'mine.py')))[0]

    found = json.loads(text_of(['KD', 'DKD'], old).splitlines()[1])
    grid, first, second, _ = [plan.reported for plan in tried]
    assert grid == ['DKD x0.1', 'DKD x1', 'DKD x10']  # the student and KD have theirs
    assert first == ['student alone x0.316', 'KD x100', 'DKD x100']
    # x10 failed for the student; KD has 81 at x1 and 80 at x100, DKD 80 at both.
    assert second == ['student alone x0.562', 'KD x3.16', 'DKD x3.16']
    assert found['further'] == 2 and found['scores']['KD'] == TUNING['scores']['KD']
    assert [pair[1] for pair in found['further_trials']['KD']] == [[80, 80], [80, 80]]
    assert found['chosen'] == {STUDENT: 1.0, 'KD': 10.0, 'DKD': 10.0}
    assert list(found['weights']) == [STUDENT, 'KD', 'DKD']
    more = json.loads(text_of(['KD', 'DKD', 'SP'], found).splitlines()[1])
    assert [plan.reported for plan in tried[:-1]] == [
        ['SP x0.1', 'SP x1', 'SP x10'],
        ['SP x100'],
        ['SP x3.16'],
    ]
    assert more['further_trials']['KD'] == found['further_trials']['KD']
    assert found['teachers'] == more['teachers'] == [80]  # the report of before does not say its own
    elsewhere = json.loads(
        text_of(['KD', 'DKD', 'FitNets'], dict(found, teachers=[79.5])).splitlines()[1]
    )
    assert elsewhere['teachers'] == [79.5, 80]
    assert 'several teachers, top-1 79.50, 80.00 %, so' in report_table.tuning_note(elsewhere)
    assert 'several teachers' not in report_table.tuning_note(more)
    less = dict(found, further=3)
    with pytest.raises(SuiteError, match='has trials of further=3, and --tune would .* with 2'):
        text_of(['KD', 'DKD'], less)


def test_trials_say_the_options_they_had(tmp_path, chosen, tried):
    given = dict(amp=True, replay=5, cfg_options=['train_cfg.max_epochs=2'])
    options = options_of(tmp_path, None, ['KD'], tune=True, **given)
    notes = json.loads(compare.benchmark(options)[0].splitlines()[1])
    assert notes['arguments'] == ['--amp', 'train_cfg.max_epochs=2'] and notes['replay'] == 5
    title = read_suite(find_suite('digits')).title
    more = options_of(tmp_path, chosen(title, notes), ['KD', 'FitNets'], tune=True, **given)
    assert json.loads(compare.benchmark(more)[0].splitlines()[1])['replay'] == 5
    for change, words in (
        (dict(amp=False), r"arguments=\['--amp', .*\], and .* with \['train_cfg"),
        (dict(replay=None), 'replay=5, and .* with None'),
        (dict(replay=0), "replay=5, and .* with 'all'"),
    ):
        with pytest.raises(SuiteError, match=words):
            compare.benchmark(replace(more, **change))
    unsaid = {key: value for key, value in notes.items() if key not in ('arguments', 'replay')}
    older = replace(more, tuned=chosen(title, unsaid))
    assert {'arguments', 'replay'}.isdisjoint(json.loads(compare.benchmark(older)[0].splitlines()[1]))


def test_a_student_that_is_left_out_is_not_tried(tmp_path, chosen, tried):
    options = options_of(tmp_path, None, ['KD'], tune=True, tuned_only=True, without_student=True)
    text, _ = compare.benchmark(options)
    trials, runs = tried
    assert trials.reported == [f'KD x{factor}' for factor in ('0.1', '0.316', 1, '3.16', 10)]
    assert runs.reported == ['KD tuned'] and {run.method for run in runs} == {TEACHER, 'KD tuned'}
    notes = json.loads(text.splitlines()[1])
    assert notes['chosen'] == {'KD': 10.0}
    of_kd = options_of(tmp_path, chosen(tuning=notes), ['KD'])
    with pytest.raises(SuiteError, match='has no weights of student alone'):
        suite_scheduler(of_kd)
    assert suite_scheduler(replace(of_kd, without_student=True))[0].plan.reported == ['KD', 'KD tuned']


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (
            dict(span=5.0),
            r'has trials of span=5\.0, and --tune would try the other methods with 10.0, not the',
        ),
        (dict(arguments=['--amp']), r"has trials of arguments=\['--amp'\], and .* with \[\], .* of then"),
        (dict(replay=5), 'has trials of replay=5, and --tune would try the other methods with None'),
        (dict(teacher='given'), "has trials of teacher='given', and --tune would .* with 'its own'"),
        (dict(suite='Yet another'), "has trials of suite='Yet another', and --tune would"),
    ],
)
def test_other_trials_than_the_suites_are_not_added_to(tmp_path, chosen, tried, changes, words):
    title = read_suite(find_suite('digits')).title
    file = chosen(title, {**TUNING, **OF_DIGITS, **changes})
    with pytest.raises(SuiteError, match=words):
        compare.benchmark(options_of(tmp_path, file, tune=True))
    assert not tried


def test_a_wrong_tune_is_refused_before_anything_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr(compare, 'check_builds', lambda plan: pytest.fail('models were built'))
    for tune, words in (('trials=4', 'trials=4 must be odd'), ('trails=5', r'mine\.py: tune has trails')):
        file = tmp_path / 'mine.py'
        file.write_text(f"_base_ = ['mmnystrom::benchmark/digits.py']\ntune = dict({tune})\n")
        options = Options(str(file), work_dir=tmp_path / 'w', methods=['KD'], tune=True)
        with pytest.raises(SuiteError, match=words):
            compare.benchmark(options)


def test_tuned_reports_of_the_same_choice_are_one(tmp_path):
    of_b = of_methods(TUNING, [STUDENT, 'KD'])
    files = [
        report(tmp_path, 'a', [0], tuning=TUNING),
        report(tmp_path, 'b', [1], tuning=of_b),
        report(tmp_path, 'c', [2]),
    ]
    text = join_reports(files, tmp_path / 'out')
    found = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert found['tuning'] == TUNING and 'KD x10, KDA correlated x0.1' in text
    assert (tmp_path / 'out' / 'tuning.png').is_file()


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(span=5.0), r'b\.json was tuned with span=5\.0, and .*a\.json with 10\.0\. Tune on one'),
        (dict(further=1), r'b\.json was tuned with further=1, and .*a\.json with 0\. Tune on one'),
        (dict(replay='all'), r"b\.json was tuned with replay='all', and .*a\.json with 5\. Tune on one"),
        (
            dict(chosen={'KD': 0.1}),
            r'b\.json has chosen 0\.1 times its weights for KD, and .*a\.json has chosen 10',
        ),
        (
            dict(weights={'KD': {'w': 2.0}}),
            r"b\.json has multiplied {'w': 2\.0} for KD, and .*a\.json has multiplied {'w': 1\.0}: their",
        ),
    ],
)
def test_reports_of_other_choices_are_not_joined(tmp_path, changes, words):
    files = [
        report(tmp_path, 'a', [0], tuning=dict(TUNING, weights={'KD': {'w': 1.0}}, replay=5)),
        report(tmp_path, 'b', [1], tuning={**TUNING, **changes}),
    ]
    with pytest.raises(ResultError, match=words):
        join_reports(files, tmp_path / 'out')
