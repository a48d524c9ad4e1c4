"""Nearest neighbours and probes of students' features, beside scikit-learn's own classifiers."""

import json

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from support import kda_config, train

from mmnystrom.benchmark import feature_quality
from mmnystrom.benchmark.errors import ResultError
from mmnystrom.benchmark.feature_quality import (
    kept,
    neighbour_accuracy,
    probe_accuracy,
    quality,
    quality_table,
    write_quality,
)
from mmnystrom.benchmark.options import Options
from mmnystrom.benchmark.plan import STUDENT, Method, Plan, recipe

DIGITS = load_digits()


@pytest.mark.parametrize('k', [1, 5])
def test_neighbours_are_those_of_leave_one_out(k):
    x, y = DIGITS.data[:150], DIGITS.target[:150]
    right = 0
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        model = KNeighborsClassifier(k, metric='cosine', algorithm='brute').fit(x[others], y[others])
        right += model.predict(x[i : i + 1])[0] == y[i]
    assert neighbour_accuracy(x, y, k) == pytest.approx(100 * right / len(x))


def test_a_probe_reads_a_linear_rule_and_nothing_of_noise():
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(400, 5)), rng.normal(size=(400, 5))
    y = (x @ [1, -2, 0, 0, 3] > 0).astype(int)
    parts = slice(0, 200), slice(200, 400)
    assert probe_accuracy(*((x[part], y[part]) for part in parts)) > 95
    assert probe_accuracy(*((noise[part], y[part]) for part in parts)) < 65


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A plan whose one run is finished, its networks tiny."""
    root = tmp_path_factory.mktemp('quality')
    cfg = kda_config(root / 'trained', epochs=1, log_level='INFO')
    cfg.dump(root / 'kda.py')
    train(cfg)
    plan = Plan(root / 'runs', {'KDA': Method(root / 'kda.py', distilled=True)}, 1, 'teacher.pth')
    (run,) = plan
    run.folder.path.parent.mkdir(parents=True)
    (root / 'trained').rename(run.folder.path)
    (run.folder.path / 'last_checkpoint').write_text(str(run.folder.path / 'epoch_1.pth'))
    run.folder.write_mark(dict(finished=True, fingerprint=run.fingerprint))
    return plan


def test_figures_of_a_run_are_kept(finished):
    (run,) = finished
    assert kept(run) is None
    found = quality(run, finished.work_dir)
    assert kept(run) == found and found['top1'] == pytest.approx(run.folder.logged()[-1], abs=0.01)
    assert 0 <= found['neighbours'] <= 100 and found['probe'] > 20  # of ten classes
    assert set(found['transfer']) == set(found['cka']) == {'pre-FC', 'post-FC'}
    assert set(found['teacher']) == {'top1', 'neighbours'} and 0 < found['probe_neighbours'] <= 100
    assert kept(run, run.spec.config) is None  # another probe
    text = (run.folder.path / feature_quality.FILE).read_text()
    (run.folder.path / feature_quality.FILE).write_text(text.replace(run.fingerprint, 'another'))
    assert kept(run) is None


def figures(**rows):
    """Seed -> figures: a list is a value a seed, a number that of all three."""
    return {
        seed: dict(
            {name: x[seed] if isinstance(x, list) else x for name, x in rows.items()},
            top1=50.0,
            transfer={},
            cka={},
        )
        for seed in range(3)
    }


def test_a_table_with_differences_by_seed():
    alone = figures(neighbours=[40.0, 41.0, 42.0], probe=60.0, probe_neighbours=20.0)
    kda = figures(neighbours=[42.0, 43.0, 44.0], probe=[61.0, 62.0, 63.0], probe_neighbours=19.0)
    text, versus = quality_table({STUDENT: alone, 'KDA': kda})
    head, _, first, second = text.split('\n\n')[0].splitlines()
    assert head.count('vs student') == head.count('vs KD') == 3 and '[' not in first
    assert '+2.00 [-0.48, +4.48] ' in second  # scipy's t of the three pairs
    assert '+2.00 [+2.00, +2.00]*' in second and '-1.00 [-1.00, -1.00]*' in second
    assert set(versus) == {'neighbours', 'probe', 'probe_neighbours'}
    assert versus['probe'][STUDENT] == {} and versus['probe']['KDA'][STUDENT]['mean'] == 2.0
    text, versus = quality_table({STUDENT: alone, 'KDA': kda}, ['KDA'])
    assert text.splitlines()[0].count('vs KDA') == 3 and 'vs student' not in text
    assert versus['probe'][STUDENT]['KDA']['mean'] == -2.0
    tuned, _ = quality_table({f'{STUDENT} tuned': alone, 'KDA tuned': kda})
    assert '+2.00 [+2.00, +2.00]*' in tuned.splitlines()[3] and '+' not in tuned.splitlines()[2]


def test_intervals_are_by_all_methods_where_they_scatter_alike():
    """Half the width by numpy: residuals of an additive table, Student's t of their freedom."""
    rng = np.random.default_rng(0)
    probe = rng.normal(60, 1, (6, 3)) + np.arange(6)[:, None]
    names = [STUDENT, 'KD', *'ABCD']
    found = {
        name: figures(neighbours=list(probe[i]), probe=list(probe[i]), probe_neighbours=list(probe[i]))
        for i, name in enumerate(names)
    }
    noise = probe - probe.mean(0) - probe.mean(1, keepdims=True) + probe.mean()
    half = stats.t.ppf(0.975, 10) * np.sqrt((noise**2).sum() / 10 * 2 / 3)
    text, versus = quality_table(found)
    row = versus['probe']['D']['KD']
    assert row['mean'] == pytest.approx((probe[5] - probe[1]).mean())
    assert row['high'] - row['mean'] == pytest.approx(half)
    assert text.count('10 degrees of freedom') == 3


def test_without_a_finished_run(tmp_path):
    with pytest.raises(ResultError, match='holds no finished run'):
        write_quality(Options('digits', work_dir=tmp_path))


def test_a_suite_is_written(tmp_path):
    figures = dict(top1=1.0, neighbours=2.0, probe=3.0, probe_neighbours=4.0, transfer={}, cka={})
    figures['probe_recipe'] = recipe(feature_quality.PROBE)
    options = Options('digits', work_dir=tmp_path, methods=['KD'], seeds=1)
    plan = feature_quality.suite_scheduler(options)[0].plan
    for run in plan:
        run.folder.path.mkdir(parents=True)
        run.folder.write_mark(dict(finished=True, fingerprint=run.fingerprint))
        (run.folder.path / feature_quality.FILE).write_text(
            json.dumps(dict(figures, fingerprint=run.fingerprint))
        )
    text = write_quality(options)
    assert STUDENT in text and 'KD' in text
    found = json.loads((tmp_path / 'features.json').read_text())
    assert found['rows'][STUDENT]['0']['probe'] == 3.0
    assert found['versus']['probe']['KD'] == {STUDENT: dict(mean=0)}
    assert found['versions']['torch'] == torch.__version__
