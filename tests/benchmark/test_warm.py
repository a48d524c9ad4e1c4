"""Runs that are forks: they end, print, hold locks and see an environment as a started process does."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from mmengine.config import Config
from support import ROOT, kda_config, run_tool

from mmnystrom.benchmark import processes
from mmnystrom.benchmark import scheduler as module
from mmnystrom.benchmark.plan import Method, Plan
from mmnystrom.benchmark.run_folder import RunFolder
from mmnystrom.benchmark.warm import Warm

pytestmark = pytest.mark.skipif(not Warm.possible(), reason='runs are forked on Linux only')

TRAIN = str(ROOT / 'tools' / 'train.py')
#: A config that writes down where it is read. `import` in a config means something else to mmengine.
PROBE = """
os, sys, json, torch, time = map(__import__, ('os', 'sys', 'json', 'torch', 'time'))
found = dict(
    session=os.getsid(0), pid=os.getpid(), threads=torch.get_num_threads(), path=sys.path,
    drawn=int(__import__('numpy').random.randint(1 << 30)), torch=torch.initial_seed(),
    argv=sys.argv, own=os.environ.get('OWN'), asked=os.environ.get('PYTORCH_NVML_BASED_CUDA_CHECK'))
__import__('pathlib').Path({file!r}).write_text(json.dumps(found))
time.sleep({seconds})
raise ValueError('the real error')
"""


@pytest.fixture(scope='module')
def warm():
    made = Warm({**os.environ, 'OMP_NUM_THREADS': '1'})
    yield made
    made.close()


@pytest.fixture
def start(warm, tmp_path):
    """Start a run of a probe; returns it, what it found, and its log."""

    def begin(seconds=0, own=None, warm=warm):
        file = tmp_path / 'found'
        file.unlink(missing_ok=True)
        (tmp_path / 'probe.py').write_text(PROBE.format(file=str(file), seconds=seconds))
        lock = processes.lock_file(tmp_path / 'lock')
        log = tmp_path / 'log'
        with log.open('w') as output:
            run = warm.start([TRAIN, str(tmp_path / 'probe.py')], output, lock, environment=own)
        lock.write(str(run.pid))
        lock.close()
        wait_for(lambda: file.exists() and file.read_text())
        return run, json.loads(file.read_text()), log

    return begin


def wait_for(condition, seconds=60):
    until = time.time() + seconds
    while not condition():
        assert time.time() < until
        time.sleep(0.05)


def test_a_fork_is_like_a_started_process(start, tmp_path):
    run, found, log = start(own={'OWN': 'yes'})
    assert run.wait() == run.poll() == run.returncode == 1
    assert 'ValueError: the real error' in log.read_text().splitlines()[-1]
    assert found['pid'] == found['session'] == run.pid and found['own'] == 'yes'
    assert found['threads'] == 1 and found['asked'] is None
    assert found['argv'][1:] == [str(tmp_path / 'probe.py')] and str(Path.cwd()) not in found['path']
    _, other, _ = start()
    assert other['own'] is None
    assert found['drawn'] != other['drawn'] and found['torch'] != other['torch']


def test_it_trains_what_a_started_process_trains(warm, tmp_path):
    cfg = kda_config(tmp_path / 'a', epochs=2, log_level='INFO')
    cfg.randomness = dict(seed=3)
    cfg.dump(tmp_path / 'config.py')
    with (tmp_path / 'log').open('w') as log, (tmp_path / 'lock').open('w') as lock:
        run = warm.start(
            [TRAIN, str(tmp_path / 'config.py'), '--work-dir', str(tmp_path / 'forked')], log, lock
        )
    run_tool('train.py', tmp_path / 'config.py', '--work-dir', tmp_path / 'started')
    assert run.wait() == 0, (tmp_path / 'log').read_text()[-2000:]
    folders = [RunFolder(tmp_path / name) for name in ('forked', 'started')]
    losses = [[row['loss'] for row in folder.figures() if 'loss' in row] for folder in folders]
    assert losses[0] == losses[1] and len(losses[0]) > 1
    assert folders[0].logged() == folders[1].logged() != []
    assert Path(folders[0].checkpoint).is_file()


def test_a_signal_is_told(start):
    run, _, _ = start(seconds=60)
    assert run.poll() is None
    processes.end_group(run.pid)
    assert run.wait() == -signal.SIGTERM


def test_a_run_outlives_the_program_and_is_found_by_its_lock(start, tmp_path):
    other = Warm(dict(os.environ))
    run, _, _ = start(seconds=60, warm=other)
    other.close()
    os.kill(run.pid, 0)
    processes.lock_file(tmp_path / 'lock').close()  # ends it
    with pytest.raises(ProcessLookupError):
        os.kill(run.pid, 0)


@pytest.mark.parametrize('begun', [False, True])
def test_a_start_that_is_interrupted_leaves_no_run_behind(tmp_path, monkeypatch, begun):
    """The program was interrupted after it had asked for a fork, and before it was told of it."""
    other, found = Warm(dict(os.environ)), tmp_path / 'found'
    (tmp_path / 'probe.py').write_text(PROBE.format(file=str(found), seconds=120))

    def interrupt(block):
        raise KeyboardInterrupt

    with (tmp_path / 'log').open('w') as output, processes.lock_file(tmp_path / 'lock') as lock:
        monkeypatch.setattr(other, 'receive', interrupt)
        with pytest.raises(KeyboardInterrupt):
            other.start([TRAIN, str(tmp_path / 'probe.py')], output, lock)
    if begun:
        wait_for(found.exists)
    other.close()
    processes.lock_file(tmp_path / 'lock').close()  # nobody holds it


def test_without_the_process_runs_count_as_killed_and_others_are_started(start, tmp_path, monkeypatch):
    other = Warm(dict(os.environ))
    run, _, _ = start(seconds=60, warm=other)
    other._process.kill()
    assert run.wait() == -signal.SIGKILL
    with pytest.raises(ConnectionError):
        start(warm=other)
    (tmp_path / 'config.py').write_text('train_cfg = dict(max_epochs=2)')
    scheduler = module.Scheduler(Plan(tmp_path / 'work', {'KD': Method(tmp_path / 'config.py')}, 1), 1)
    monkeypatch.setattr(module, 'Warm', lambda environment: other)
    script = "import sys, pathlib; pathlib.Path(sys.argv[1], 'last_checkpoint').write_text('x')"
    monkeypatch.setattr(
        scheduler, 'command', lambda run: [sys.executable, '-c', script, str(run.folder.path)]
    )
    scheduler.train_all()
    assert scheduler.plan.run('KD', 0).finished


def test_runs_of_several_ranks_are_started(tmp_path):
    plan = Plan(tmp_path, {'KD': Method(tmp_path / 'config.py')}, 1)
    assert module.Scheduler(plan, 1)._can_be_warm
    assert not module.Scheduler(plan, 1, [0, 1], ranks=2)._can_be_warm
    assert not module.Scheduler(plan, 1, warm=False)._can_be_warm


def test_a_fork_without_cuda_starts_a_process(monkeypatch, tmp_path):
    """Where the process that forks has asked CUDA itself, its forks cannot use it."""
    from mmnystrom.benchmark import warm as module

    started = []
    monkeypatch.setattr(module, '_has_lost_cuda', lambda: True)
    monkeypatch.setattr(module.os, 'setsid', lambda: None)
    monkeypatch.setattr(module.os, 'dup2', lambda a, b: None)
    monkeypatch.setattr(module.os, 'execv', lambda *args: started.append(args))
    files = [os.open(tmp_path / name, os.O_CREAT | os.O_RDWR) for name in ('output', 'errors', 'lock')]
    monkeypatch.setattr(sys, 'argv', [])
    monkeypatch.setattr(sys, 'path', [''])
    module._become([TRAIN, 'config.py'], {}, '', *files)
    os.close(files[-1])
    ((executable, command),) = started
    assert executable == sys.executable and command == [executable, TRAIN, 'config.py']


def test_the_config_of_a_run_is_not_shared(warm, start, tmp_path):
    """A fork leaves nothing behind in the process, so that the next one begins anew."""
    start()[0].wait()
    Config(dict(a=1)).dump(tmp_path / 'probe.py')
    with (tmp_path / 'log').open('w') as log, (tmp_path / 'lock').open('w') as lock:
        run = warm.start(
            [TRAIN, str(tmp_path / 'probe.py'), '--work-dir', str(tmp_path / 'w')], log, lock
        )
    assert run.wait() == 1 and 'the real error' not in (tmp_path / 'log').read_text()
