"""Reports as machines write them, without training."""

import json

import numpy as np

from mmnystrom.benchmark.result import Result

TOP1 = {'student alone': [60.0, 61.0, 59.5], 'KD': [62.0, 64.5, 61.0], 'KDA': [61.0, 63.0, 60.5]}
#: What trials have chosen.
TUNING = dict(
    trials=3,
    span=10.0,
    seeds=1,
    epochs=None,
    validation=0.1,
    teacher='its own',
    weights={},
    factors=[0.1, 1.0, 10.0],
    scores={
        'student alone': [[80.0], [85.0], None],
        'KD': [[80.0], [81.0], [88.0]],
        'KDA correlated': [[90.0], [81.0], [80.0]],
    },
    chosen={'student alone': 1.0, 'KD': 10.0, 'KDA correlated': 0.1},
    failed={
        'student alone x10, seed 0': 'student alone x10, seed 0: it diverged',
        'teacher, seed 0': 'teacher, seed 0: killed',
    },
)


def report(folder, name, seeds, **changes):
    """The results.json of a machine that has trained some of the seeds of TOP1."""
    rows = {
        method: dict(
            seeds=list(seeds),
            top1=[values[seed] for seed in seeds],
            best=[values[seed] + 1 for seed in seeds],
            diverged=[],
            transfer={'pre-FC': [0.1 * (seed + 1) for seed in seeds], 'post-FC': [0.5 for _ in seeds]},
            cka={'pre-FC': [0.9 for _ in seeds], 'post-FC': [0.8 for _ in seeds]},
            replayed=None,
        )
        for method, values in TOP1.items()
    }
    found = dict(
        suite='A suite',
        teacher=70.0 + seeds[0],
        images=400,
        rows=rows,
        recipes=dict.fromkeys(rows, 'a hash'),
        failed={},
        run_machines=[f'machine {name}'],
        commit='abc',
    )
    file = folder / f'{name}.json'
    file.write_text(json.dumps({**found, **changes}))
    return file


def results_of(names):
    """Figures of three seeds, at random."""
    rng = np.random.default_rng(0)
    return {
        name: Result(
            seeds=[0, 1, 2],
            top1=list(rng.normal(80, 1, 3)),
            best=list(rng.normal(81, 1, 3)),
            transfer={'pre-FC': list(rng.random(3)), 'post-FC': list(rng.random(3))},
        )
        for name in names
    }
