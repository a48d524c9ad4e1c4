"""Runs of tools/train.py: what is repeated, what is resumed, what is said."""

import json
from argparse import Namespace

import pytest
import runs as module
from runs import Runs


@pytest.fixture
def runs(tmp_path):
    configs = {}
    for name in ('teacher', 'student alone', 'KD'):
        configs[name] = tmp_path / f'{name}.py'
        configs[name].write_text(f'a = {name!r}')
    return Runs(tmp_path / 'runs', configs, {'KD'}, seeds=2, jobs=2)


@pytest.fixture
def calls(runs, monkeypatch):
    """Stands in for tools/train.py; the real one runs in the demo and in the tests of the plugin."""
    found = []

    def run(command, **kwargs):
        found.append(command)
        directory = module.Path(command[command.index('--work-dir') + 1])
        (directory / 'a' / 'vis_data').mkdir(parents=True, exist_ok=True)
        rows = [{'loss': 1.0}, {'accuracy/top1': 50.0}, {'accuracy/top1': 61.0, 'kernel/a': 0.5}]
        text = '\n'.join(json.dumps(row) for row in rows)
        (directory / 'a' / 'vis_data' / 'scalars.json').write_text(text)
        (directory / 'last_checkpoint').write_text(str(directory / 'epoch_9.pth'))
        return Namespace(returncode=0)

    monkeypatch.setattr(module.subprocess, 'run', run)
    return found


def test_a_finished_run_is_not_repeated_and_a_changed_one_is(runs, calls, capsys):
    runs.train('student alone', 1)
    assert 'randomness.seed=1' in calls[0]
    assert '--resume' in calls[0]
    assert 'student alone, seed 1: top-1 61.00' in capsys.readouterr().out
    runs.train('student alone', 1)
    assert len(calls) == 1
    assert 'not repeated' in capsys.readouterr().out
    runs.methods['student alone'].write_text('a = 2')
    runs.train('student alone', 1)
    assert len(calls) == 2
    assert runs.logged('student alone', 1, 'kernel/a') == 0.5


def test_all_of_them(runs, calls, capsys):
    runs.train_all()
    assert len(calls) == len(runs) == 6
    distilled = [command for command in calls if 'KD.py' in str(command)]
    teachers = [next(c for c in command if 'teacher_ckpt' in c) for command in distilled]
    expected = [f'model.teacher_ckpt={runs.run_dir("teacher", seed)}/epoch_9.pth' for seed in (0, 1)]
    assert sorted(teachers) == expected
    assert '[  6/6]' in capsys.readouterr().out


def test_a_failed_run_shows_the_end_of_its_log(runs, monkeypatch):
    def run(command, stdout, **kwargs):
        stdout.write('the real error')
        return Namespace(returncode=1)

    monkeypatch.setattr(module.subprocess, 'run', run)
    with pytest.raises(SystemExit, match='the real error'):
        runs.train_all()
