"""Where results come from: what counts as other code, and where configs are."""

import shutil

import pytest

from mmnystrom.benchmark import provenance
from mmnystrom.benchmark.places import CONFIGS, PACKAGE, find_root


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the package, whose code is what counts."""
    package = tmp_path / 'mmnystrom'
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns('.mim', '__pycache__'))
    monkeypatch.setattr(provenance, 'PACKAGE', package)
    return package


def fingerprint():
    provenance.code_fingerprint.cache_clear()
    return provenance.code_fingerprint()


@pytest.mark.parametrize(
    ('file', 'counts'),
    [
        ('core/loss.py', True),
        ('plugin/hooks/landmark.py', True),
        ('bridge/install.py', True),
        ('benchmark/report.py', False),
        ('export/forms.py', False),
    ],
)
def test_an_edit_of_a_report_does_not_make_runs_outdated(copied, file, counts):
    before = fingerprint()
    with (copied / file).open('a') as opened:
        opened.write('# another line\n')
    assert (fingerprint() != before) == counts
    provenance.code_fingerprint.cache_clear()


def test_provenance_says_how_a_file_was_made(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/demo.py', '--seeds', '1'])
    found = provenance.provenance()
    assert found['command'] == 'python tools/demo.py --seeds 1'
    assert {'python', 'torch', 'mmnystrom', 'mmrazor'} <= set(found['versions'])


@pytest.mark.parametrize(('cores', 'said'), [(1, ', 1 CPU core'), (3, ', 3 CPU cores')])
def test_a_machine_has_the_cores_that_may_be_used(cores, said, monkeypatch):
    monkeypatch.setattr(provenance.threads, 'usable_cores', lambda: cores)
    assert provenance.machine().endswith(said)


def test_configs_are_beside_a_clone_or_in_the_wheel(tmp_path):
    assert CONFIGS.is_dir()
    package = tmp_path / 'site-packages' / 'mmnystrom'
    package.mkdir(parents=True)
    (package.parent / 'configs').mkdir()  # of somebody else's
    assert find_root(package) == package / '.mim'
    (package.parent / 'setup.py').touch()
    assert find_root(package) == package.parent
