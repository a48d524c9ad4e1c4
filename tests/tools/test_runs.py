"""Runs of tools/train.py: what is repeated, what is resumed, what is said, what a killed start leaves.

The real tools/train.py runs in the demo, in the benchmark and in the tests of the plugin; here a script
of a few lines stands in for it, in real processes.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import processes
import pytest
import runs as module
from runs import Method, Runs
from support import ROOT

STAND_IN = """
import json, pathlib, sys, time
name, directory, behaviour = sys.argv[1:]
directory = pathlib.Path(directory)
with (directory.parents[1] / 'calls').open('a') as file:
    file.write(f'{name} {directory.name}\\n')
if behaviour == 'fail':
    sys.exit('the real error')
if behaviour == 'hang' and not (directory / 'resumed').exists():
    (directory / 'resumed').write_text('')
    print('hanging', flush=True)
    time.sleep(60)
logs = directory / 'a' / 'vis_data'
logs.mkdir(parents=True, exist_ok=True)
rows = [
    {'loss': 1.0, 'epoch': 1, 'step': 3},
    {'accuracy/top1': 63.0, 'step': 1},
    {'accuracy/top1': 61.0, 'step': 2, 'kernel/a': 0.5},
]
(logs / 'scalars.json').write_text('\\n'.join(map(json.dumps, rows)) + '\\n{"torn')
(directory / 'last_checkpoint').write_text(str(directory / 'epoch_9.pth'))
"""


class StandIn(Runs):
    behaviour: dict = {}

    def command(self, method, seed):
        script = self.work_dir / 'stand_in.py'
        behaviour = self.behaviour.get(method, 'work')
        return [
            sys.executable,
            str(script),
            method.replace(' ', '-'),
            str(self.run_dir(method, seed)),
            behaviour,
        ]

    def calls(self):
        path = self.work_dir / 'calls'
        return path.read_text().split('\n')[:-1] if path.exists() else []


@pytest.fixture
def configs(tmp_path):
    for name in ('teacher', 'alone', 'first', 'KD'):
        (tmp_path / f'{name}.py').write_text(f'a = {name!r}\ntrain_cfg = dict(max_epochs=2)')
    return tmp_path


@pytest.fixture
def runs(configs):
    return make(configs)


def make(folder, cls=StandIn, **kwargs):
    module._resolved.cache_clear()
    methods = {
        'teacher': Method(folder / 'teacher.py', seeds=1),
        'student alone': Method(folder / 'alone.py'),
        'KD first': Method(folder / 'first.py', distilled=True),
        'KD': Method(folder / 'KD.py', distilled=True, first='KD first'),
    }
    (folder / 'runs').mkdir(exist_ok=True)
    (folder / 'runs' / 'stand_in.py').write_text(STAND_IN)
    return cls(folder / 'runs', methods, 2, 2, **kwargs)


def test_everything_once_and_in_order(runs, configs, capsys):
    runs.train_all()
    calls = runs.calls()
    assert len(calls) == len(runs) == 7
    assert calls.count('teacher seed0') == 1
    for seed in (0, 1):
        order = [calls.index(f'{name} seed{seed}') for name in ('KD-first', 'KD')]
        assert calls.index('teacher seed0') < order[0] < order[1]
    out = capsys.readouterr().out
    assert '[  7/7]' in out and 'top-1 61.00' in out
    runs.train_all()
    assert len(runs.calls()) == 7
    assert capsys.readouterr().out.count('not repeated') == 7


def test_options_name_the_checkpoints(runs):
    runs.train_all()
    teacher, first = (f'{runs.run_dir(*run)}/epoch_9.pth' for run in (('teacher', 0), ('KD first', 1)))
    assert runs.options('KD', 1) == [
        'randomness.seed=1',
        f'model.teacher_ckpt={teacher}',
        f'model.init_cfg.checkpoint={first}',
    ]
    assert runs.options('student alone', 0) == ['randomness.seed=0']


def test_a_given_teacher_is_not_trained(configs):
    runs = make(configs, teacher='/some/where.pth', options=['a=1'])
    del runs.methods['teacher']
    assert runs.options('KD first', 0) == [
        'randomness.seed=0',
        'model.teacher_ckpt=/some/where.pth',
        'a=1',
    ]
    runs.train_all()
    assert 'teacher seed0' not in runs.calls()


def test_a_changed_config_is_trained_anew_with_what_needs_it(runs, configs):
    runs.train_all()
    (runs.run_dir('student alone', 0) / 'of the old run').touch()
    (configs / 'alone.py').write_text('a = 2\ntrain_cfg = dict(max_epochs=2)')
    module._resolved.cache_clear()
    runs.train_all()
    assert sorted(runs.calls()[7:]) == ['student-alone seed0', 'student-alone seed1']
    assert not (runs.run_dir('student alone', 0) / 'of the old run').exists()
    (configs / 'teacher.py').write_text('a = 3\ntrain_cfg = dict(max_epochs=2)')
    module._resolved.cache_clear()
    runs.train_all()
    assert len(runs.calls()) == 9 + 5  # the teacher, and both stages of both seeds


def test_other_code_is_said_and_not_repeated(runs, monkeypatch, capsys):
    runs.train_all()
    monkeypatch.setattr(module, '_code', lambda: 'another')
    runs.train_all()
    assert len(runs.calls()) == 7 and len(runs.outdated) == 7
    assert 'another version' in capsys.readouterr().out


def test_what_was_logged(runs):
    runs.train_all()
    assert runs.logged('KD', 1) == [63.0, 61.0]
    assert runs.logged('KD', 1, 'kernel/a') == [0.5]
    assert runs.progress_of('KD', 1) == runs.length('KD') == 2


def test_a_failed_run_is_reported_and_the_rest_goes_on(runs, capsys):
    runs.behaviour = {'KD first': 'fail'}
    runs.train_all(strict=False)
    assert set(runs.failed) == {(name, seed) for name in ('KD first', 'KD') for seed in (0, 1)}
    assert 'the real error' in runs.failed['KD first', 0]
    assert runs.failed['KD', 1] == 'KD, seed 1: needs KD first, seed 1, which failed'
    assert runs.finished('student alone', 1) and not runs.finished('KD', 1)
    assert capsys.readouterr().out.count('FAILED') == 4
    with pytest.raises(SystemExit, match='the real error'):
        runs.train_all()
    runs.behaviour = {}
    runs.train_all()
    assert not runs.failed and runs.finished('KD', 1)


#: A start that hangs in its first run, for the tests that kill it.
HANGING = """
import sys
sys.path[:0] = [{tools!r}, {tests!r}, {here!r}]
from pathlib import Path
from test_runs import make
runs = make(Path({folder!r}))
runs.behaviour = {{'teacher': 'hang'}}
runs.train_all()
"""


@pytest.mark.parametrize('how', [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_start_is_taken_up(configs, how):
    """Whether or not the start could end its runs: they are ended, and resumed once."""
    places = dict(tools=str(ROOT / 'tools'), tests=str(ROOT / 'tests'), here=str(Path(__file__).parent))
    script = HANGING.format(folder=str(configs), **places)
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
    runs = make(configs)
    methods = runs.methods
    runs.methods = {'student alone': methods['student alone']}  # even a start that does not need it
    runs.train_all()
    assert not alive(pid)
    runs.methods = methods
    assert not runs.finished('teacher', 0)
    runs.behaviour = {'teacher': 'hang'}
    runs.train_all()
    assert runs.calls().count('teacher seed0') == 2
    assert runs.finished('teacher', 0) and runs.finished('KD', 1)


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
    lock = processes.lock_file(runs.work_dir / '.lock')
    with pytest.raises(SystemExit, match='in use by another program'):
        runs.train_all()
    lock.close()


def test_gpus_and_ranks(configs):
    assert make(configs).slots == [None, None]
    assert make(configs, gpus=[0, 1, 2]).slots == ['0', '1']
    assert make(configs, gpus=[3]).slots == ['3', '3']
    assert make(configs, gpus=[0, 1, 2, 3], ranks=2).slots == ['0,1', '2,3']
    with pytest.raises(ValueError, match='ranks=2 is more than the GPUs given'):
        make(configs, gpus=[0], ranks=2)
    runs = make(configs, Runs, gpus=[0, 1], ranks=2, arguments=['--amp'])
    command = ' '.join(runs.command('student alone', 1))
    assert '--nproc_per_node=2' in command and '--amp --launcher pytorch --cfg-options' in command
    assert '--resume' in command and 'randomness.seed=1' in command


def test_a_torn_mark_counts_as_none(runs):
    directory = runs.run_dir('KD', 0)
    directory.mkdir(parents=True)
    (directory / 'run.json').write_text('{"finished": tr')
    assert not runs.finished('KD', 0)
    assert json.dumps(runs.mark('KD', 0)) == '{}'
