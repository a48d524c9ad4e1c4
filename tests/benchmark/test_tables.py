"""Paired differences, beside scipy."""

import numpy as np
import pytest
from scipy import stats

from mmnystrom.benchmark.tables import difference, markdown_table, paired


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
