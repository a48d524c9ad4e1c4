"""Paired differences, beside scipy."""

import numpy as np
import pytest
from scipy import stats

from mmnystrom.benchmark.tables import difference, mark_certain, markdown_table, paired, resolution


def test_paired_differences_are_those_of_scipy():
    a, b = np.random.default_rng(0).normal(size=(2, 5))
    found = paired(list(a), list(b))
    interval = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert found['mean'] == pytest.approx(np.mean(a - b))
    assert (found['low'], found['high']) == pytest.approx((interval.low, interval.high))
    assert paired([2.0], [1.0]) == dict(mean=1.0)
    assert paired([2.0, 4.0], [1.0, 1.0]) == dict(mean=2.0)
    assert difference(dict(mean=1.0)) == '+1.00'


def test_cells_stand_in_a_table_as_they_are():
    text = markdown_table([['a', 'b'], ['1.50', '**2**'], ['+1.0 [-1.0, +3.0]', '']])
    assert '| 1.50 ' in text and '| +1.0 [-1.0, +3.0] |' in text
    assert len({len(line) for line in text.splitlines()}) == 1


def test_holm_by_its_definition():
    values = np.random.default_rng(1).uniform(0, 0.1, 9)
    found = [dict(p=float(p)) for p in values] + [dict(mean=1.0)]
    mark_certain(found)
    order, largest = np.argsort(values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(values[i] * (len(values) - rank), 1.0))
        assert found[i]['p_holm'] == pytest.approx(largest)
        assert found[i]['certain'] == (largest <= 0.05)
    assert found[-1] == dict(mean=1.0)
    assert difference(dict(mean=1.0, low=0.5, high=1.5, certain=True)) == '+1.00 [+0.50, +1.50]*'


def test_p_is_that_of_the_paired_test_and_of_equal_differences_too():
    a, b = np.random.default_rng(0).normal(size=(2, 5))
    assert paired(list(a), list(b))['p'] == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert paired([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])['p'] == 1
    assert paired([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])['p'] == pytest.approx(0, abs=1e-6)


def test_what_a_test_split_tells_apart_by_simulation():
    rng = np.random.default_rng(0)
    a, b = rng.binomial(2000, 0.6, (2, 40_000)) / 20
    assert np.mean(abs(a - b) > resolution(60.0, 2000)) == pytest.approx(0.05, abs=0.006)
