"""Figures of a method."""

import json

from mmnystrom.benchmark.replayed import Replayed
from mmnystrom.benchmark.result import COSTS, Result


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
    assert result.as_dict()['vs KD'] == dict(mean=1.0)
    again = Result.from_dict(json.loads(json.dumps(result.as_dict())))
    assert again.versus == {}
    again.versus = result.versus
    assert again == result


def test_figures_of_some_seeds():
    result = Result(
        seeds=[0, 1, 2],
        top1=[50.0, 51.0, 52.0],
        best=[51.0, 52.0, 53.0],
        diverged=[1],
        transfer={'pre-FC': [0.5, 0.25], 'post-FC': [1.0, 2.0]},
        cka={'pre-FC': [], 'post-FC': []},
        versus={'KD': dict(mean=1.0)},
    )
    found = result.of_seeds([1, 2])
    assert [found.seeds, found.top1, found.best, found.diverged] == [
        [1, 2],
        [51.0, 52.0],
        [52.0, 53.0],
        [1],
    ]
    assert found.transfer == {'pre-FC': [0.25], 'post-FC': [2.0]}
    assert found.cka == {'pre-FC': [], 'post-FC': []} and found.versus == {}


def test_figures_of_an_older_report_come_back():
    row = dict(
        seeds=[0], top1=[50.0], best=[51.0], diverged=[], transfer={'pre-FC': [0.5], 'post-FC': []}
    )
    assert Result.from_dict(row) == Result(**row)
