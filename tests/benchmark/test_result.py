"""Figures of a method, and the differences between methods."""

import json

from mmnystrom.benchmark.plan import STUDENT
from mmnystrom.benchmark.replayed import Replayed
from mmnystrom.benchmark.result import COSTS, Result, compare_with


def test_pairs_are_of_the_same_seed():
    result = Result(seeds=[0, 2], top1=[10.0, 12.0])
    result.compare('KD', Result(seeds=[1, 2], top1=[1.0, 2.0]))
    result.compare('other', Result(seeds=[1], top1=[1.0]))
    assert result.versus == {'KD': dict(mean=10.0)}
    assert result.as_dict()['vs KD'] == dict(mean=10.0)


def test_a_tuned_row_is_compared_with_the_tuned_baseline():
    rows = {
        name: Result(seeds=[0], top1=[top1])
        for name, top1 in [('KD', 50.0), ('KD tuned', 52.0), ('KDA', 51.0), ('KDA tuned', 53.0)]
    }
    compare_with(rows, ('KD',))
    assert [rows[name].versus.get('KD', {}).get('mean') for name in rows] == [None, None, 1.0, 1.0]


def test_where_only_tuned_rows_are_they_are_the_baselines():
    rows = {
        name: Result(seeds=[0], top1=[top1])
        for name, top1 in [('student alone tuned', 48.0), ('KD tuned', 52.0), ('DIST', 56.0)]
    }
    compare_with(rows, (STUDENT, 'KD'))
    means = {name: {k: found['mean'] for k, found in row.versus.items()} for name, row in rows.items()}
    assert means == {
        'student alone tuned': {'KD': -4.0},
        'KD tuned': {STUDENT: 4.0},
        'DIST': {STUDENT: 8.0, 'KD': 4.0},
    }


def test_figures_come_back_from_json():
    result = Result(
        seeds=[1, 2],
        top1=[50.0, 51.0],
        best=[51.0, 52.0],
        diverged=[2],
        transfer={'pre-FC': [0.5], 'post-FC': [0.25]},
        cka={'pre-FC': [0.75], 'post-FC': [0.5]},
        versus={'KD': dict(mean=1.0)},
        costs={key: float(i) for i, key in enumerate(COSTS)},
        replayed=Replayed(views=5, bytes=1000, live=None),
    )
    again = Result.from_dict(json.loads(json.dumps(result.as_dict())))
    assert again.versus == {}
    again.versus = result.versus
    assert again == result


def test_figures_of_an_older_report_come_back():
    row = dict(
        seeds=[0], top1=[50.0], best=[51.0], diverged=[], transfer={'pre-FC': [0.5], 'post-FC': []}
    )
    assert Result.from_dict(row) == Result(**row)
