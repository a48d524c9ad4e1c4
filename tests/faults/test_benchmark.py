"""Mistakes in a suite, and runs that end badly: a row is one and the words it ends in."""

import os
import shutil
import sys
import time
from types import SimpleNamespace

import pytest
from support import call_tool

from mmnystrom.benchmark import processes
from mmnystrom.benchmark.errors import ForeignFolderError, RunFailedError, WorkDirError
from mmnystrom.benchmark.plan import Method, Plan
from mmnystrom.benchmark.run_folder import RunFolder
from mmnystrom.benchmark.scheduler import Scheduler

SUITE = dict(
    title='A suite',
    pair='resnet18-w16_resnet18-w8_1xb32-40e_digits',
    teacher='vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py',
    student='vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py',
    methods=dict(KD='kd/kd_logits'),
)


def suite(**changes):
    return {key: value for key, value in {**SUITE, **changes}.items() if value != 'left out'}


BENCHMARKS = {
    'no methods': (suite(methods='left out'), (), 'methods=None must be a dict', 'README.md'),
    'methods in a list': (suite(methods=['KD']), (), r"methods=\['KD'\] must be a dict"),
    'no title': (suite(title='left out'), (), 'title=None must be a str'),
    'no teacher': (suite(teacher='left out'), (), 'teacher=None'),
    'no student': (suite(student=5), (), 'student=5'),
    'no pair': (suite(pair='left out'), (), "'kd/kd_logits' is the beginning of a name: set pair"),
    'a method that is a number': (suite(methods=dict(KD=5)), (), r"methods\['KD'\] = 5 must be"),
    'a method that is not there': (suite(methods=dict(KD='kd/none')), (), 'is neither below'),
    'a name with a way out': (
        suite(methods={'../../esc': 'kd/kd_logits'}),
        (),
        "'../../esc' cannot be the name of a folder",
    ),
    'a name with a separator': (suite(methods={'a/b': 'kd/kd_logits'}), (), "'a/b' cannot be the name"),
    'a name of another system': (suite(methods={'a\\b': 'kd/kd_logits'}), (), 'cannot be the name'),
    'an empty name': (suite(methods={' ': 'kd/kd_logits'}), (), "' ' cannot be the name"),
    'a hidden name': (suite(methods={'.git': 'kd/kd_logits'}), (), "'.git' cannot be the name"),
    'a name over two lines': (suite(methods={'a\nb': 'kd/kd_logits'}), (), 'cannot be the name'),
    'names of one folder': (
        suite(methods={'K D': 'kd/kd_logits', 'K-D': 'kd/kd_logits'}),
        (),
        "'K D' and 'K-D' would share the folder",
    ),
    'no patience': (suite(stall_minutes=0), (), 'stall_minutes=0 must be a finite number > 0'),
    'patience in words': (suite(stall_minutes='long'), (), "stall_minutes='long'"),
    'a method of another suite': (SUITE, ('--methods', 'NST'), 'NST is not in', 'which has KD'),
    'a teacher that is not there': (SUITE, ('--teacher', 'none.pth'), 'none.pth does not exist'),
    'more ranks than GPUs': (SUITE, ('--gpus', '0', '--ranks', '2'), 'ranks=2 is more than the GPUs'),
    'options of another method': (
        SUITE,
        ('--cfg-options', 'model.distiller.distill_losses.loss_kl.loss_weight=1'),
        "config of 'teacher', .* has no model.distiller",
        "for every run: .* in the suite: 'KD': dict\\(config",
    ),
    'options of no method': (
        SUITE,
        ('--cfg-options', 'modle.type=a'),
        'has no modle',
        'for every run: leave it out, or correct it',
    ),
    'options into a number': (
        SUITE,
        ('--cfg-options', 'train_cfg.max_epochs.first=1'),
        'has no train_cfg.max_epochs.first',
    ),
    'options without a value': (SUITE, ('--cfg-options', 'a'), 'write key=value'),
    'fresh and a report only': (SUITE, ('--fresh', '--report-only'), 'give one of the two'),
    'a work directory that is a file': (SUITE, ('--work-dir', __file__), 'is a file: give a folder'),
    'nothing finished': (SUITE, ('--report-only',), 'holds no finished run: start it without'),
}


@pytest.mark.parametrize('row', BENCHMARKS.values(), ids=BENCHMARKS)
def test_benchmark(row, tmp_path, monkeypatch, said):
    content, arguments, *words = row
    file = tmp_path / 'suite.py'
    file.write_text('\n'.join(f'{key} = {value!r}' for key, value in content.items()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        call_tool('benchmark.py', file, '--gpus', '0', *arguments)
    assert end.value.code not in (0, None)
    said(words, end.value)
    assert not list(tmp_path.rglob('train.log'))  # nothing was trained


STAND_IN = {
    'segfault': 'import os, signal; os.kill(os.getpid(), signal.SIGSEGV)',
    'killed': 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)',
    'full': "raise OSError(28, 'No space left on device')",
    'silent': 'import time; time.sleep(60)',
    'works': "import pathlib, sys; pathlib.Path(sys.argv[1], 'last_checkpoint').write_text('x')",
}


class StandIn(Scheduler):
    """Runs a line of Python in the place of tools/train.py."""

    behaviour = 'works'

    def command(self, run):
        return [sys.executable, '-c', STAND_IN[self.behaviour], str(run.folder.path)]

    @property
    def run(self):
        """The only run there is."""
        return self.plan.run('KD', 0)


def stand_in(folder, behaviour='works', work='work', **arguments):
    (folder / 'config.py').write_text('train_cfg = dict(max_epochs=2)')
    runs = StandIn(
        Plan(folder / work, {'KD': Method(folder / 'config.py')}, 1), 1, warm=False, **arguments
    )
    runs.behaviour = behaviour
    return runs


def test_a_disk_without_room_is_the_reason_whatever_the_log_says(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: SimpleNamespace(free=4096))
    with pytest.raises(RunFailedError, match='KD, seed 0: the disk of .*work is full'):
        stand_in(tmp_path, 'segfault').train_all()


@pytest.mark.parametrize(
    ('behaviour', 'words'),
    [
        ('segfault', [r'KD, seed 0: killed by signal 11 \(SIGSEGV\)', 'train.log']),
        ('killed', [r'killed by signal 9 \(SIGKILL\), as the system does when memory runs out']),
        ('full', ['KD, seed 0: the disk of .*work is full: make room']),
    ],
)
def test_runs_that_end_badly(tmp_path, behaviour, words, said):
    with pytest.raises(RunFailedError) as end:
        stand_in(tmp_path, behaviour).train_all()
    said(words, end.value)


def test_a_run_without_a_sign_of_life_is_reported(tmp_path, capsys, monkeypatch):
    """And goes on, unless it is to be ended."""
    runs = stand_in(tmp_path, 'silent', stall_minutes=1 / 60)
    real = runs._look_for_stalled

    def until_it_is_said():
        real()
        if 'no sign of life' in capsys.readouterr().out:
            raise KeyboardInterrupt

    monkeypatch.setattr(runs, '_look_for_stalled', until_it_is_said)
    with pytest.raises(KeyboardInterrupt):
        runs.train_all()


def test_a_run_without_a_sign_of_life_is_ended_if_asked(tmp_path, capsys):
    runs = stand_in(tmp_path, 'silent', stall_minutes=1 / 60, timeout=True)
    start = time.monotonic()
    with pytest.raises(RunFailedError, match='KD, seed 0: ended, as it gave no sign of life for'):
        runs.train_all()
    assert time.monotonic() - start < 50
    assert 'it is ended. See' in capsys.readouterr().out


def test_a_full_disk_for_the_marks(tmp_path, monkeypatch):
    def full(folder, mark):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(RunFolder, 'write_mark', full)
    with pytest.raises(WorkDirError, match='work: the disk is full. Make room; the same command goes on'):
        stand_in(tmp_path).train_all()


def photos(folder):
    folder.mkdir(parents=True)
    (folder / 'holiday.jpg').write_bytes(b'a photo')
    return folder / 'holiday.jpg'


@pytest.mark.parametrize('fresh', [True, False])
def test_a_folder_of_somebody_else_is_left_alone(tmp_path, fresh):
    """In the place of a run, and beside the runs."""
    runs = stand_in(tmp_path)
    beside = photos(tmp_path / 'work' / 'photos')
    runs.train_all(fresh=fresh)
    assert beside.exists() and runs.run.finished
    other = stand_in(tmp_path, work='other')
    inside = photos(other.run.folder.path)
    with pytest.raises(ForeignFolderError, match='holds no run.json, so it is not a run of this program'):
        other.train_all(fresh=fresh)
    assert inside.exists()


def test_fresh_repeats_and_deletes_what_is_ours(tmp_path):
    runs = stand_in(tmp_path)
    runs.train_all()
    old = runs.run.folder.path / 'of the old run'
    old.touch()
    runs.train_all(fresh=True)
    assert runs.run.finished
    assert not old.exists()


def test_fresh_waits_for_the_lock_before_it_deletes(tmp_path):
    runs = stand_in(tmp_path)
    runs.train_all()
    lock = processes.lock_file(runs.plan.work_dir / '.lock')
    with pytest.raises(WorkDirError, match='in use by another program'):
        runs.train_all(fresh=True)
    assert runs.run.finished
    lock.close()


def test_the_demo_is_fresh_in_the_same_way(tmp_path, monkeypatch):
    beside = photos(tmp_path / 'work' / 'photos')
    asked = []
    monkeypatch.setattr(
        Scheduler, 'train_all', lambda self, **kwargs: asked.append(kwargs) or sys.exit('end')
    )
    with pytest.raises(SystemExit, match='end'):
        call_tool('demo.py', '--fresh', '--work-dir', tmp_path / 'work')
    assert asked == [dict(strict=False, fresh=True)] and beside.exists()


@pytest.mark.parametrize('mark', ['[]', '{"finished": true}', '{"finished": tr', '5', ''])
def test_odd_marks_of_a_run_count_as_none(tmp_path, mark):
    runs = stand_in(tmp_path)
    runs.run.folder.path.mkdir(parents=True)
    (runs.run.folder.path / 'run.json').write_text(mark)
    assert not runs.run.finished
    runs.train_all()
    assert runs.run.finished


def test_the_battery_is_as_large_as_promised():
    assert len(BENCHMARKS) >= 20


ARGUMENTS = [
    ('benchmark.py', ['digits', '--jobs', '0'], 'argument --jobs: 0 must be at least 1'),
    ('benchmark.py', ['digits', '--gpus', 'all'], "argument --gpus: invalid numbers value: 'all'"),
    ('benchmark.py', ['digits', '--first-seed', '-1'], 'argument --first-seed: -1 must be at least 0'),
    ('demo.py', ['--seeds', '0'], 'argument --seeds: 0 must be at least 1'),
    ('analysis/digits_table.py', ['--jobs', '0'], 'argument --jobs: 0 must be at least 1'),
    ('export_student.py', ['none.pth'], 'none.pth does not exist'),
    ('analysis/kernel_report.py', ['config.py', 'a.pth', '--samples', '0'], '--samples: 0 must be at'),
    (
        'analysis/kernel_report.py',
        ['config.py', 'a.pth', '--seeds', '0'],
        '--seeds: 0 must be at least 1',
    ),
    (
        'analysis/kernel_report.py',
        ['config.py', 'a.pth', '--landmarks', '3', '0'],
        '--landmarks: 0 must be at least 1',
    ),
    ('analysis/kernel_report.py', ['config.py', 'a.pth', '--kernels', 'x'], "invalid choice: 'x'"),
    ('analysis/kernel_report.py', ['config.py', 'none.pth'], 'none.pth does not exist'),
    ('analysis/cka_estimates.py', ['--work-dir', '.'], 'is not there: run tools/analysis/can_it_hurt.py'),
    ('analysis/can_it_hurt.py', ['everything'], "invalid choice: 'everything'"),
]


@pytest.mark.parametrize(('tool', 'arguments', 'words'), ARGUMENTS)
def test_arguments(tool, arguments, words, tmp_path, monkeypatch, said):
    for name in ('config.py', 'a.pth'):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        call_tool(tool, *arguments)
    assert end.value.code not in (0, None)
    said([words], end.value)
