"""The noise of a run, of all methods together: numpy's own sums are the oracle."""

import numpy as np
import pytest
from scipy import stats

from mmnystrom.benchmark.report_table import legend
from mmnystrom.benchmark.result import Result, compare_top1
from mmnystrom.benchmark.scatter import Scatter


def table(methods=8, seeds=3, noise=0.5, seed=0):
    """Top-1 of methods (rows) by seeds."""
    rng = np.random.default_rng(seed)
    found = rng.normal(50, 5, (methods, 1)) + rng.normal(0, 2, (1, seeds))
    return found + rng.normal(0, noise, (methods, seeds))


def by_name(values):
    return {f'method {i}': dict(enumerate(row.tolist())) for i, row in enumerate(values)}


def test_the_noise_is_what_method_and_seed_leave():
    values = table()
    residual = values - values.mean(1, keepdims=True) - values.mean(0, keepdims=True) + values.mean()
    found = Scatter.of(by_name(values))
    assert found.freedom == 7 * 2
    assert found.std == pytest.approx(np.sqrt((residual**2).sum() / 14))
    assert found.alike == pytest.approx(stats.bartlett(*residual).pvalue)
    # Neither the level of a method nor that of a seed is noise.
    moved = Scatter.of(by_name(values + 9 * np.arange(8)[:, None] - 3 * np.arange(3)))
    assert moved.std == pytest.approx(found.std)


def test_a_method_of_one_seed_tells_nothing_of_the_noise():
    values = by_name(table())
    expected = Scatter.of(values)
    assert Scatter.of({**values, 'another': {0: 99.0}}) == expected
    assert Scatter.of({**values, 'method 7': {0: 1.0, 1: 2.0}}).freedom == 7 * 2 - 1


@pytest.mark.parametrize('values', [{}, by_name(table(5, 3)), by_name(table(20, 1))])
def test_too_few_runs(values):
    assert Scatter.of(values) is None


def test_methods_that_scatter_unequally_share_no_interval():
    values = table()
    values[2] += [20, -20, 0]
    assert not Scatter.of(by_name(values)).shared
    assert "Bartlett's test" in Scatter.of(by_name(values)).note()
    assert Scatter.of(by_name(table())).shared
    always = by_name(np.zeros((8, 3)))
    assert not Scatter.of(always).shared


def test_an_interval_is_that_of_the_contrast():
    """The variance of a difference by least squares, from the matrix of the design."""
    values = table()
    design = np.zeros((24, 8 + 2))
    for row, (i, j) in enumerate(np.ndindex(8, 3)):
        design[row, i] = 1
        if j:
            design[row, 7 + j] = 1
    fitted, rest, *_ = np.linalg.lstsq(design, values.reshape(-1), rcond=None)
    contrast = np.zeros(10)
    contrast[3], contrast[1] = 1, -1
    error = np.sqrt(rest.item() / 14 * contrast @ np.linalg.inv(design.T @ design) @ contrast)
    mean = contrast @ fitted
    found = Scatter.of(by_name(values)).paired(values[3].tolist(), values[1].tolist())
    half = stats.t(14).ppf(0.975) * error
    assert [found[key] for key in ('mean', 'low', 'high')] == pytest.approx(
        [mean, mean - half, mean + half]
    )
    assert found['p'] == pytest.approx(2 * stats.t(14).sf(abs(mean) / error))


def results_of(values):
    return {
        name: Result(seeds=list(row), top1=list(row.values()), best=list(row.values()))
        for name, row in by_name(values).items()
    }


def test_the_intervals_of_a_report_are_by_it():
    results = results_of(table())
    results['method 7'].seeds, results['method 7'].top1 = [1], [60.0]  # one seed has an interval, too
    scatter = compare_top1(results, ['method 0'])
    widths = {name: r.versus['method 0'] for name, r in results.items() if name != 'method 0'}
    widths = {name: found['high'] - found['low'] for name, found in widths.items()}
    assert widths['method 7'] == pytest.approx(np.sqrt(3) * widths['method 1'])
    assert widths['method 1'] == pytest.approx(widths['method 2'])
    assert all('p_holm' in r.versus['method 0'] for n, r in results.items() if n != 'method 0')
    assert f'A run differs by {scatter.std:.2f} points' in legend(results, None, 0, scatter)


def test_the_intervals_of_a_report_where_methods_scatter_unequally():
    values = table()
    values[2] += [20, -20, 0]
    results = results_of(values)
    scatter = compare_top1(results, ['method 0'])
    expected = stats.ttest_rel(values[3], values[0])
    assert results['method 3'].versus['method 0']['p'] == pytest.approx(expected.pvalue)
    assert 'scatter unequally' in legend(results, None, 0, scatter)
    results['method 2'].diverged = [1]  # then it does not count
    assert compare_top1(results, ['method 0']).shared
