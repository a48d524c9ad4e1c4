"""A table of runs, of which some fail."""

import re

from benchmark.stand_in import make

from mmnystrom.benchmark import analysis


def test_what_is_finished_is_reported_and_what_failed_is_named(configs, monkeypatch):
    runs = make(configs, behaviour={'KD first': 'fail'})
    monkeypatch.setattr(analysis, 'Scheduler', lambda plan, jobs: runs if jobs == 2 else None)
    seen = {}

    def report(plan, failed):
        seen.update(
            finished=[str(run) for run in plan if run.finished], failed={str(run) for run in failed}
        )
        return 'a table'

    text, failed = analysis.train_and_report(runs.plan, 2, report)
    assert re.fullmatch(r'\na table\n\n\d+ s', text)
    assert seen['finished'] == ['teacher, seed 0', 'student alone, seed 0', 'student alone, seed 1']
    assert seen['failed'] == {f'{name}, seed {seed}' for name in ('KD', 'KD first') for seed in (0, 1)}
    # The script's own error, and what waited for it, whose first stages are two.
    assert len(failed) == 3 and failed[0].endswith('The same: KD first, seed 1')
