"""Folders of runs: their names, their marks, and what may be deleted."""

import json

import pytest

from mmnystrom.benchmark import run_folder
from mmnystrom.benchmark.errors import ForeignFolderError, ResultError
from mmnystrom.benchmark.run_folder import RunFolder


@pytest.mark.parametrize('name', ['KD', 'KDA + KD', 'AB first stage', 'ResNet-18 (x2)', 'Ähnlich'])
def test_names_that_can_be_folders(name, tmp_path):
    run_folder.check_names([name])
    (tmp_path / run_folder.folder_name(name)).mkdir()


@pytest.mark.parametrize(
    'name', ['', ' ', '.', '..', '../a', 'a/../b', '/etc', 'a\\b', 'a\0', '\n', 5, 'x' * 101]
)
def test_names_that_cannot(name):
    with pytest.raises(ValueError, match='cannot be the name of a folder'):
        run_folder.check_names([name])


def test_a_mark_is_written_wholly(tmp_path):
    RunFolder(tmp_path).write_mark(dict(a=1))
    assert RunFolder(tmp_path).read_mark() == dict(a=1)
    assert [path.name for path in tmp_path.iterdir()] == ['run.json']
    assert RunFolder(tmp_path / 'none').read_mark() == {}


def test_figures_without_what_is_torn_or_odd(tmp_path):
    logs = tmp_path / 'a' / 'vis_data'
    logs.mkdir(parents=True)
    (logs / 'scalars.json').write_text('{"step": 1}\n[2]\n\n}\n{"step": 3}\n{"st')
    assert RunFolder(tmp_path).figures() == [dict(step=1), dict(step=3)]


def test_a_deletion_that_is_killed_can_go_on(tmp_path, monkeypatch):
    folder = tmp_path / 'seed0'
    (folder / 'logs').mkdir(parents=True)
    (folder / 'a.pth').touch()
    RunFolder(folder).write_mark(dict(a=1))

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_folder.shutil, 'rmtree', killed)
        with pytest.raises(KeyboardInterrupt):
            RunFolder(folder).delete()
    assert RunFolder(folder).is_ours
    RunFolder(folder).delete()
    assert not folder.exists()


def test_only_what_carries_a_mark_is_deleted(tmp_path):
    ours, theirs, empty, link = (tmp_path / name for name in ('ours', 'theirs', 'empty', 'link'))
    for folder in (ours, theirs, empty):
        folder.mkdir()
    (ours / 'run.json').write_text(json.dumps(dict(fingerprint='a')))
    (theirs / 'a.txt').touch()
    link.symlink_to(ours)
    for folder in (theirs, link):
        with pytest.raises(ForeignFolderError, match='holds no run.json, so it is not a run'):
            RunFolder(folder).delete()
    for folder in (ours, empty, tmp_path / 'none'):
        RunFolder(folder).delete()
        assert not folder.exists()
    assert (theirs / 'a.txt').exists()
    file = tmp_path / 'file'
    file.touch()
    with pytest.raises(ForeignFolderError, match='file holds no run.json'):
        RunFolder(file).delete()


def test_of_a_step_that_was_repeated_the_last_value_counts(tmp_path):
    for start, rows in (
        ('a', '{"step": 2, "x": 1.0}\n{"step": 3, "x": 2.0}'),
        ('b', '{"step": 3, "x": 5.0}'),
    ):
        logs = tmp_path / start / 'vis_data'
        logs.mkdir(parents=True)
        (logs / 'scalars.json').write_text(rows)
    assert RunFolder(tmp_path).curve('x') == {2: 1.0, 3: 5.0}
    assert RunFolder(tmp_path).logged('x') == [1.0, 5.0]


def test_a_run_that_has_saved_nothing(tmp_path):
    with pytest.raises(ResultError, match='holds no last_checkpoint'):
        _ = RunFolder(tmp_path).checkpoint
