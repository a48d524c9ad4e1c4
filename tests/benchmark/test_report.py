"""The notes and the pictures of results."""

import matplotlib.axes
import pytest
from benchmark.reports import results_of
from benchmark.stand_in import make

from mmnystrom.benchmark import figures, report
from mmnystrom.benchmark.errors import ResultError
from mmnystrom.benchmark.result import Result


def test_a_picture_says_of_how_many_seeds_it_is(tmp_path, monkeypatch):
    said = []
    label = matplotlib.axes.Axes.set_xlabel
    monkeypatch.setattr(
        matplotlib.axes.Axes, 'set_xlabel', lambda self, text: said.append(text) or label(self, text)
    )
    results = results_of(['student alone', 'KD'])
    for counts in ((1, 1), (3, 3), (1, 3)):
        for count, result in zip(counts, results.values(), strict=True):
            result.top1 = [60.0 + i for i in range(count)]
        figures.accuracy(tmp_path / 'a.png', 'a title', results, 90.0)
    assert ['one seed' in said[0], '3 seeds' in said[1], '1 to 3 seeds' in said[2]] == [True] * 3


def test_notes_say_what_is_missing(configs):
    scheduler = make(configs, behaviour={'KD first': 'fail'})
    scheduler.train_all(strict=False)
    scheduler.outdated = [scheduler.plan.run('student alone', 0)]
    text = report.notes(scheduler, {'student alone': Result(seeds=[0, 1])})
    assert 'KD: a first stage comes before' in text
    assert 'Not finished: KD (0 of 2 seeds).' in text
    assert 'Failed: KD first, seed 0: the real error' in text
    assert 'Trained by another version of the package (--fresh repeats them): student alone.' in text


def test_notes_say_on_what_runs_are_scored(configs):
    scheduler, results = make(configs), {'student alone': Result(seeds=[0, 1], top1=[50.0, 51.0])}
    text = report.notes(scheduler, results, 400)
    assert 'over seeds on the test split' in text and '400 images by themselves' in text
    tuned = report.notes(scheduler, {'student alone tuned': results['student alone']}, 400)
    assert '400 images by themselves' in tuned
    assert 'held out' not in text
    scheduler.plan.validation = 0.1
    text = report.notes(scheduler, results, 400)
    assert 'over seeds on the images held out' in text
    assert '10 % of the training images are held out; the test split is not read.' in text
    assert 'The teacher was given' not in text
    scheduler.plan.teacher = 't.pth'
    assert 'The teacher was given' in report.notes(scheduler, results, 400)


def test_nothing_to_report(configs):
    with pytest.raises(ResultError, match='holds no finished run: start it without --report-only'):
        report.write_report(make(configs), 'title', 0)
