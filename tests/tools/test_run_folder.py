"""Folders of runs: their names, their marks, and what may be deleted."""

import json

import pytest
import run_folder


@pytest.mark.parametrize('name', ['KD', 'KDA + KD', 'AB first stage', 'ResNet-18 (x2)', 'Ähnlich'])
def test_names_that_can_be_folders(name, tmp_path):
    run_folder.check_names([name])
    (tmp_path / run_folder.folder_of(name)).mkdir()


@pytest.mark.parametrize(
    'name', ['', ' ', '.', '..', '../a', 'a/../b', '/etc', 'a\\b', 'a\0', '\n', 5, 'x' * 101]
)
def test_names_that_cannot(name):
    with pytest.raises(ValueError, match='cannot be the name of a folder'):
        run_folder.check_names([name])


def test_a_mark_is_written_wholly(tmp_path):
    run_folder.write_mark(tmp_path, dict(a=1))
    assert run_folder.read_mark(tmp_path) == dict(a=1)
    assert [path.name for path in tmp_path.iterdir()] == ['run.json']
    assert run_folder.read_mark(tmp_path / 'none') == {}


def test_figures_without_what_is_torn_or_odd(tmp_path):
    logs = tmp_path / 'a' / 'vis_data'
    logs.mkdir(parents=True)
    (logs / 'scalars.json').write_text('{"step": 1}\n[2]\n\n}\n{"step": 3}\n{"st')
    assert list(run_folder.read_figures(tmp_path)) == [dict(step=1), dict(step=3)]


def test_a_deletion_that_is_killed_can_go_on(tmp_path, monkeypatch):
    folder = tmp_path / 'seed0'
    (folder / 'logs').mkdir(parents=True)
    (folder / 'a.pth').touch()
    run_folder.write_mark(folder, dict(a=1))

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_folder.shutil, 'rmtree', killed)
        with pytest.raises(KeyboardInterrupt):
            run_folder.delete(folder)
    assert run_folder.is_ours(folder)
    run_folder.delete(folder)
    assert not folder.exists()


def test_only_what_carries_a_mark_is_deleted(tmp_path):
    ours, theirs, empty, link = (tmp_path / name for name in ('ours', 'theirs', 'empty', 'link'))
    for folder in (ours, theirs, empty):
        folder.mkdir()
    (ours / 'run.json').write_text(json.dumps(dict(fingerprint='a')))
    (theirs / 'a.txt').touch()
    link.symlink_to(ours)
    for folder in (theirs, link):
        with pytest.raises(ValueError, match='holds no run.json, so it is not a run'):
            run_folder.delete(folder)
    for folder in (ours, empty, tmp_path / 'none'):
        run_folder.delete(folder)
        assert not folder.exists()
    assert (theirs / 'a.txt').exists()
    file = tmp_path / 'file'
    file.touch()
    with pytest.raises(ValueError, match='file holds no run.json'):
        run_folder.delete(file)
