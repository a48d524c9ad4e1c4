"""Runs of a stand-in for tools/train.py: what is repeated, resumed, said, and left by a killed start.

The real tools/train.py runs in the demo, in the benchmark and in the tests of the plugin.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmark.stand_in import StandIn, make, make_plan
from support import ROOT

from mmnystrom.benchmark import plan as plan_module
from mmnystrom.benchmark import processes
from mmnystrom.benchmark import scheduler as module
from mmnystrom.benchmark.errors import RunFailedError, SuiteError, WorkDirError
from mmnystrom.benchmark.scheduler import Scheduler


@pytest.fixture
def runs(configs):
    return make(configs)


def test_everything_once_and_in_order(runs, configs, capsys):
    runs.train_all()
    calls = runs.calls()
    assert len(calls) == len(runs.plan) == 7
    assert calls.count('teacher seed0') == 1
    for seed in (0, 1):
        order = [calls.index(f'{name} seed{seed}') for name in ('KD-first', 'KD')]
        assert calls.index('teacher seed0') < order[0] < order[1]
    out = capsys.readouterr().out
    assert '[  7/7]' in out and 'top-1 61.00' in out
    runs.train_all()
    assert len(runs.calls()) == 7
    assert capsys.readouterr().out.count('not repeated') == 7


def test_a_changed_config_is_trained_anew_with_what_needs_it(runs, configs):
    runs.train_all()
    old = runs.plan.run('student alone', 0).folder.path / 'of the old run'
    old.touch()
    (configs / 'alone.py').write_text('a = 2\ntrain_cfg = dict(max_epochs=2)')
    plan_module.resolved.cache_clear()
    runs.train_all()
    assert sorted(runs.calls()[7:]) == ['student-alone seed0', 'student-alone seed1']
    assert not old.exists()
    (configs / 'teacher.py').write_text('a = 3\ntrain_cfg = dict(max_epochs=2)')
    plan_module.resolved.cache_clear()
    runs.train_all()
    assert len(runs.calls()) == 9 + 5  # the teacher, and both stages of both seeds


def test_other_code_is_said_and_not_repeated(runs, monkeypatch, capsys):
    runs.train_all()
    monkeypatch.setattr(module, 'code_fingerprint', lambda: 'another')
    runs.train_all()
    assert len(runs.calls()) == 7 and len(runs.outdated) == 7
    assert 'another version' in capsys.readouterr().out


def test_a_failed_run_is_reported_and_the_rest_goes_on(runs, capsys):
    runs.behaviour = {'KD first': 'fail'}
    runs.train_all(strict=False)
    run = runs.plan.run
    assert set(runs.failed) == {run(name, seed) for name in ('KD first', 'KD') for seed in (0, 1)}
    assert 'the real error' in runs.failed[run('KD first', 0)]
    assert runs.failed[run('KD', 1)] == 'KD, seed 1: needs KD first, seed 1, which failed'
    assert run('student alone', 1).finished and not run('KD', 1).finished
    assert capsys.readouterr().out.count('FAILED') == 4
    with pytest.raises(RunFailedError, match='the real error'):
        runs.train_all()
    runs.behaviour = {}
    runs.train_all()
    assert not runs.failed and run('KD', 1).finished


#: A start that hangs in its first run, for the tests that kill it.
HANGING = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from benchmark.stand_in import make
make(Path({folder!r}), behaviour={{'teacher': 'hang'}}).train_all()
"""


@pytest.mark.parametrize('how', [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_start_is_taken_up(configs, how):
    """Whether or not the start could end its runs: they are ended, and resumed once."""
    script = HANGING.format(folder=str(configs), tests=str(ROOT / 'tests'))
    start = subprocess.Popen(
        [sys.executable, '-c', script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    lock = configs / 'runs' / 'teacher' / 'seed0.lock'
    log = configs / 'runs' / 'teacher' / 'seed0' / 'train.log'
    wait_for(lambda: log.exists() and 'hanging' in log.read_text())
    os.kill(start.pid, how)
    start.communicate(timeout=30)
    pid = int(lock.read_text())
    assert alive(pid) == (how == signal.SIGKILL)  # left behind, or ended
    make(configs, ('student alone',)).train_all()  # even a start that does not need it
    assert not alive(pid)
    runs = make(configs, behaviour={'teacher': 'hang'})
    assert not runs.plan.run('teacher', 0).finished
    runs.train_all()
    assert runs.calls().count('teacher seed0') == 2
    assert runs.plan.run('teacher', 0).finished and runs.plan.run('KD', 1).finished


def wait_for(condition, seconds=60):
    until = time.time() + seconds
    while not condition():
        assert time.time() < until
        time.sleep(0.1)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return 'Z' not in Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]


def test_two_programs_do_not_share_a_folder(runs):
    lock = processes.lock_file(runs.plan.work_dir / '.lock')
    with pytest.raises(WorkDirError, match='in use by another program'):
        runs.train_all()
    lock.close()


def test_gpus_and_ranks(configs):
    plan = make_plan(configs, arguments=['--amp'])
    assert StandIn(plan, 2).slots == [None, None]
    assert StandIn(plan, 2, gpus=[0, 1, 2]).slots == ['0', '1']
    assert StandIn(plan, 2, gpus=[3]).slots == ['3', '3']
    assert StandIn(plan, 2, gpus=[0, 1, 2, 3], ranks=2).slots == ['0,1', '2,3']
    with pytest.raises(SuiteError, match='ranks=2 is more than the GPUs given'):
        StandIn(plan, 2, gpus=[0], ranks=2)
    command = ' '.join(Scheduler(plan, 2, [0, 1], 2).command(plan.run('student alone', 1)))
    assert '--nproc_per_node=2' in command and '--amp --launcher pytorch --cfg-options' in command
    assert '--resume' in command and 'randomness.seed=1' in command


def test_runs_share_the_cores_that_the_benchmark_may_use(configs, monkeypatch):
    """Not those of the machine, of which a container may have a few."""
    monkeypatch.setattr(module, 'usable_cores', lambda: 6)
    runs = StandIn(make_plan(configs, ('student alone',)), 2)
    runs.train_all()
    assert (runs.plan.run('student alone', 0).folder.path / 'threads').read_text() == '3'


def test_a_given_teacher_is_not_trained(configs):
    runs = StandIn(make_plan(configs, ('KD first',), teacher='/some/where.pth'), 2)
    runs.train_all()
    assert sorted(runs.calls()) == ['KD-first seed0', 'KD-first seed1']
