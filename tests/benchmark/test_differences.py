"""Differences between methods, paired by seed."""

import pytest
from scipy import stats

from mmnystrom.benchmark.differences import differences
from mmnystrom.benchmark.plan import STUDENT


def means(values, baselines):
    found, _ = differences(values, baselines)
    return {name: {key: versus['mean'] for key, versus in row.items()} for name, row in found.items()}


def test_pairs_are_of_the_same_seed():
    values = {'KDA': {0: 10.0, 2: 12.0}, 'KD': {1: 1.0, 2: 2.0}, 'other': {1: 1.0}}
    assert means(values, ('KD', 'other')) == {
        'KDA': {'KD': 10.0},
        'KD': {'other': 0.0},
        'other': {'KD': 0.0},
    }


def test_few_runs_have_intervals_of_their_own_against_scipy():
    values = {'KD': dict(enumerate([50.0, 51.0, 53.0])), 'KDA': dict(enumerate([52.0, 52.5, 55.5]))}
    found, scatter = differences(values, ('KD',))
    test = stats.ttest_rel(list(values['KDA'].values()), list(values['KD'].values()))
    low, high = test.confidence_interval()
    assert scatter is None
    assert [found['KDA']['KD'][key] for key in ('low', 'high', 'p')] == pytest.approx(
        [low, high, test.pvalue]
    )
    assert found['KDA']['KD']['p_holm'] == found['KDA']['KD']['p']  # one comparison


def test_a_tuned_row_is_compared_with_the_tuned_baseline():
    values = {'KD': 50.0, 'KD tuned': 52.0, 'KDA': 51.0, 'KDA tuned': 53.0}
    found = means({name: {0: value} for name, value in values.items()}, ('KD',))
    assert [row.get('KD') for row in found.values()] == [None, None, 1.0, 1.0]


def test_where_only_tuned_rows_are_they_are_the_baselines():
    values = {'student alone tuned': 48.0, 'KD tuned': 52.0, 'DIST': 56.0}
    assert means({name: {0: value} for name, value in values.items()}, (STUDENT, 'KD')) == {
        'student alone tuned': {'KD': -4.0},
        'KD tuned': {STUDENT: 4.0},
        'DIST': {STUDENT: 8.0, 'KD': 4.0},
    }
