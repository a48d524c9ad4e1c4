"""Reports of several machines as one."""

import json

import numpy as np
import pytest
from benchmark.reports import TOP1, TUNING, report
from scipy import stats

from mmnystrom.benchmark import joined
from mmnystrom.benchmark.errors import ResultError
from mmnystrom.benchmark.joined import join_reports
from mmnystrom.benchmark.validation import GIVEN


def test_joined_seeds_are_compared_as_those_of_one_report(tmp_path):
    files = [report(tmp_path, 'a', [2]), report(tmp_path, 'b', [0, 1])]
    text = join_reports(files, tmp_path / 'out')
    found = json.loads((tmp_path / 'out' / 'results.json').read_text())
    row = found['rows']['KDA']
    assert row['seeds'] == [0, 1, 2] and row['top1'] == TOP1['KDA']
    assert row['transfer']['pre-FC'] == pytest.approx([0.1, 0.2, 0.3])
    test = stats.ttest_rel(TOP1['KDA'], TOP1['KD'])
    low, high = test.confidence_interval()
    assert [row['vs KD'][key] for key in ('low', 'high', 'p')] == pytest.approx([low, high, test.pvalue])
    assert found['teacher'] == 71.0 and found['suite'] == 'A suite'
    assert [part['seeds'] for part in found['parts']] == [[0, 1], [2]]
    assert found['parts'][1]['run_machines'] == ['machine a'] and 'rows' not in found['parts'][1]
    assert '| teacher       | 71.00 ± 1.41' in text
    assert '- seeds 0, 1: machine b, teacher 70.00 %\n- seeds 2: machine a, teacher 72.00 %' in text
    assert '400 images by themselves' in text and 'Trained otherwise' not in text
    assert 'time' not in text and 'Of fewer seeds' not in text
    assert text in (tmp_path / 'out' / 'results.md').read_text()
    assert all((tmp_path / 'out' / f'{name}.png').is_file() for name in ('accuracy', 'transfer'))


def test_a_joined_report_takes_another(tmp_path):
    a, b, c = (report(tmp_path, name, [seed]) for seed, name in enumerate('abc'))
    join_reports([a, b], tmp_path / 'two')
    join_reports([tmp_path / 'two' / 'results.json', c], tmp_path / 'three')
    join_reports([a, b, c], tmp_path / 'at once')
    three, at_once = (
        json.loads((tmp_path / name / 'results.json').read_text()) for name in ('three', 'at once')
    )
    assert three == at_once and len(three['parts']) == 3


def one_teacher(folder, name, seeds, methods, shift=0.0, **changes):
    """A report of some methods, of the one teacher; top-1 shifted, as another machine has it."""
    rows = json.loads(report(folder, name, seeds).read_text())['rows']
    rows = {method: rows[method] for method in methods}
    for row in rows.values():
        row['top1'] = [value + shift for value in row['top1']]
    same = dict(teacher=70.0, teacher_weights=dict.fromkeys(map(str, seeds), 'one hash'))
    recipes = dict.fromkeys(rows, 'a hash')
    return report(folder, name, seeds, **{**same, 'rows': rows, 'recipes': recipes, **changes})


def test_other_methods_of_the_same_teacher(tmp_path):
    files = [
        one_teacher(tmp_path, 'a', [0, 1], ['student alone', 'KD']),
        one_teacher(tmp_path, 'b', [0, 1, 2], ['student alone', 'KDA'], shift=0.25),
    ]
    text = join_reports(files, tmp_path / 'out')
    found = json.loads((tmp_path / 'out' / 'results.json').read_text())
    alone, kd, kda = found['rows'].values()
    # Of the student the first report's seeds, and the one that it lacks; KDA is the second's.
    assert alone['seeds'] == [0, 1, 2] and alone['top1'] == [60.0, 61.0, 59.75]
    assert alone['transfer']['pre-FC'] == pytest.approx([0.1, 0.2, 0.3]) and len(alone['best']) == 3
    assert kd['top1'] == TOP1['KD'][:2] and kda['top1'] == [x + 0.25 for x in TOP1['KDA']]
    assert kda['vs KD']['mean'] == pytest.approx((61.25 - 62.0 + 63.25 - 64.5) / 2)
    assert [run['other'] for run in found['repeated']] == [60.25, 61.25]
    assert 'the first is taken: student alone, seed 0: 60.00, not 60.25; student alone, seed 1' in text
    assert '- seeds 0, 1 of student alone, KD: machine a, teacher 70.00 %' in text
    assert '| teacher       | 70.00  ' in text  # it counts once
    assert 'Of fewer seeds: KD (2 of 3 seeds).' in text and found['teacher'] == 70.0
    third = one_teacher(tmp_path, 'c', [1], ['student alone', 'KD', 'KDA'])
    with pytest.raises(ResultError, match=r'c\.json has no run that the reports before it have not'):
        join_reports([tmp_path / 'out' / 'results.json', third], tmp_path / 'again')


def test_a_diverged_run_that_is_in_two_reports(tmp_path):
    first = one_teacher(tmp_path, 'a', [0], ['student alone', 'KD'])
    second = one_teacher(tmp_path, 'b', [0, 1], ['KD'])
    found = json.loads(second.read_text())
    row = found['rows']['KD']
    row['diverged'] = [0]
    row['transfer'], row['cka'] = ({layer: [0.2] for layer in row['cka']} for _ in range(2))
    second.write_text(json.dumps(found))
    join_reports([first, second], tmp_path / 'out')
    row = json.loads((tmp_path / 'out' / 'results.json').read_text())['rows']['KD']
    assert row['diverged'] == [] and row['transfer']['pre-FC'] == [pytest.approx(0.1), 0.2]


def test_costs_are_those_of_one_machine(tmp_path):
    files = [report(tmp_path, 'a', [0]), report(tmp_path, 'b', [1]), report(tmp_path, 'c', [2])]
    for file, times in zip(files[1:], ([1.0, 1.5, 1.6], [1.0, 3.0, 4.0]), strict=True):
        found = json.loads(file.read_text())
        for row, time in zip(found['rows'].values(), times, strict=True):
            row.update(time=time, memory=1.0, memory_bytes=1, extra_parameters=0)
        file.write_text(json.dumps(found))
    join_reports(files, tmp_path / 'out')
    rows = json.loads((tmp_path / 'out' / 'results.json').read_text())['rows']
    assert [row['time'] for row in rows.values()] == [1.0, 1.5, 1.6]


def test_what_differs_is_said(tmp_path):
    rows = json.loads(report(tmp_path, 'a', [1]).read_text())['rows']
    del rows['KDA']
    other = {'student alone': 'a hash', 'KD': 'another'}
    files = [
        report(tmp_path, 'b', [0]),
        report(tmp_path, 'a', [1], rows=rows, recipes=other, teacher=None),
    ]
    text = join_reports(files, tmp_path / 'out')
    assert 'Of fewer seeds: KDA (1 of 2 seeds).' in text
    assert '--replay or --cfg-options differ): KD.' in text
    assert '- seeds 1: machine a\n' in text


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(suite='Another'), r"b\.json: suite='Another', and .*a\.json has 'A suite'"),
        (dict(validation=0.1), r'b\.json: validation=0\.1, and .*a\.json has None'),
        (dict(tuning={}), r'b\.json: its tuning=\{\} is not what tools/benchmark\.py writes'),
        (dict(rows={}), r'b\.json is no results\.json of a benchmark: it has no row in rows'),
    ],
)
def test_reports_that_cannot_be_joined(tmp_path, changes, words):
    files = [report(tmp_path, 'a', [0]), report(tmp_path, 'b', [1], **changes)]
    with pytest.raises(ResultError, match=words):
        join_reports(files, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('weights', [{}, {'1': None}, {'1': 'another hash'}])
def test_a_seed_of_two_teachers(tmp_path, weights):
    files = [
        one_teacher(tmp_path, 'a', [0, 1], ['student alone', 'KD']),
        one_teacher(tmp_path, 'b', [1], ['student alone', 'KDA'], teacher_weights=weights),
    ]
    words = r'seed 1 is in .*a\.json and in .*b\.json, not .* same teacher .*one hash .* --teacher'
    with pytest.raises(ResultError, match=words):
        join_reports(files, tmp_path / 'out')
    with pytest.raises(ResultError, match=r'a\.json has no run that .* before it have not: leave it out'):
        join_reports(files[:1] * 2, tmp_path / 'out')


def older(folder, name, seeds, methods, **changes):
    """A report that does not tell its teacher by its weights."""
    return one_teacher(folder, name, seeds, methods, **{'teacher_weights': {}, **changes})


def test_older_reports_of_a_teacher_that_is_said_to_be_the_same(tmp_path):
    files = [
        older(tmp_path, 'a', [0, 1], ['student alone', 'KD']),
        one_teacher(tmp_path, 'b', [0, 1], ['KDA'], teacher=70.05),
    ]
    with pytest.raises(ResultError, match=r'not known .* If you know that they are one.*--same-teacher'):
        join_reports(files, tmp_path / 'out')
    text = join_reports(files, tmp_path / 'out', same_teacher=True)
    assert joined.WORD in text and '| teacher       | 70.05  ' in text  # of the one that tells
    found = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert found['same_teacher'] == 'given' and list(found['rows']) == ['student alone', 'KD', 'KDA']
    another = report(tmp_path, 'd', [2])
    assert joined.WORD in join_reports([tmp_path / 'out' / 'results.json', another], tmp_path / 'more')
    third = older(tmp_path, 'c', [1], ['KDA', 'KD'], teacher_weights={'1': 'another hash'})
    rows = json.loads(third.read_text())['rows']
    third.write_text(json.dumps({**json.loads(third.read_text()), 'rows': {'RKD': rows['KDA']}}))
    with pytest.raises(ResultError, match=r'b\.json and in .*c\.json, not .* another hash'):
        join_reports([*files, third], tmp_path / 'again', same_teacher=True)


@pytest.mark.parametrize('teacher', [71.0, None])
def test_a_teacher_of_another_accuracy_is_not_the_same(tmp_path, teacher):
    files = [
        older(tmp_path, 'a', [0], ['student alone']),
        older(tmp_path, 'b', [0], ['KDA'], teacher=teacher),
    ]
    with pytest.raises(ResultError, match=rf'--same-teacher: seed 0 .* 70\.0 % and {teacher} %, .* two'):
        join_reports(files, tmp_path / 'out', same_teacher=True)


def test_what_rows_are_taken_and_what_they_are_compared_with(tmp_path):
    tuning = dict(TUNING, chosen={'student alone': 10.0, 'KD': 1.0})
    files = [report(tmp_path, 'a', [2], tuning=tuning), report(tmp_path, 'b', [0, 1])]
    text = join_reports(files, tmp_path / 'out', against=['KDA'], leave_out=['KD'])
    found = json.loads((tmp_path / 'out' / 'results.json').read_text())
    alone, kda = found['rows'].values()
    assert list(found['rows']) == ['student alone', 'KDA'] and 'vs student alone' not in kda
    expected = np.subtract(TOP1['student alone'], TOP1['KDA'])
    assert alone['vs KDA']['mean'] == pytest.approx(expected.mean())
    assert ' vs KDA ' in text and ' vs student ' not in text and ' KD,' not in text
    assert found['parts'][0]['methods'] == ['student alone', 'KDA']
    assert list(found['tuning']['chosen']) == ['student alone']
    with pytest.raises(ResultError, match='--against: no row of DKD, only of student alone, KD, KDA'):
        join_reports(files, tmp_path / 'out', against=['KD', 'DKD'])
    with pytest.raises(ResultError, match='--leave-out: no row of kd, only of student alone, KD, KDA'):
        join_reports(files, tmp_path / 'out', leave_out=['kd'])
    files[0].write_text(json.dumps({**json.loads(files[0].read_text()), 'rows': alone_of(files[0])}))
    with pytest.raises(ResultError, match=r'a\.json has no run that the reports before it have not'):
        join_reports(files, tmp_path / 'out', leave_out=['student alone'])


def alone_of(file):
    rows = json.loads(file.read_text())['rows']
    return {'student alone': rows['student alone']}


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (None, 'does not exist: give the results.json of a benchmark'),
        ('{"torn', 'cannot be read as JSON'),
        ('[1, 2]', 'is no results.json of a benchmark: it has no suite, teacher, rows, failed'),
        ('{"rows": {}}', 'it has no suite, teacher, failed'),
    ],
)
def test_files_that_are_no_reports(tmp_path, text, words):
    other = tmp_path / 'b.json'
    if text is not None:
        other.write_text(text)
    with pytest.raises(ResultError, match=words):
        join_reports([report(tmp_path, 'a', [0]), other], tmp_path / 'out')


def test_a_report_is_not_overwritten(tmp_path):
    (tmp_path / 'a').mkdir()
    first = report(tmp_path, 'b', [1]).rename(tmp_path / 'a' / 'results.json')
    with pytest.raises(ResultError, match='a holds one of the reports, which would be overwritten'):
        join_reports([report(tmp_path, 'c', [0]), first], tmp_path / 'a')


def test_a_given_teacher_may_know_the_images_held_out(tmp_path):
    files = [
        report(tmp_path, name, [i], validation=0.1, teacher_given=name == 'b')
        for i, name in enumerate('ab')
    ]
    assert GIVEN in join_reports(files, tmp_path / 'out')


def test_one_report_is_not_joined(tmp_path):
    with pytest.raises(ResultError, match='1 report: give at least two to join'):
        join_reports([report(tmp_path, 'a', [0])], tmp_path / 'out')
