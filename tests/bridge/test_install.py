"""The one door, seen from a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bare import python

import mmnystrom.bridge
from mmnystrom.bridge import dependencies

ROOT = Path(__file__).parents[2]
#: What OneDL's mmpretrain prints at import.
ONEDL = 'Could not import OneDL\n'


def test_twice_is_once():
    assert mmnystrom.bridge.install() == mmnystrom.bridge.install()


def test_an_import_says_nothing_and_lists_its_cures_on_demand():
    code = 'import mmnystrom, mmnystrom.bridge as b; print(b.install() == b.install(), b.install())'
    # A whole interpreter: the others have torch imported already.
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=300)
    said = result.stdout.replace(ONEDL, '')
    assert said.startswith('True') and 'mmcls is called mmpretrain' in said
    assert said.count('\n') == 1
    assert 'cure' not in result.stderr and 'MultiScaleDeformableAttention' not in result.stderr


@pytest.mark.parametrize('args', [['--help'], []])
def test_help_and_mistakes_come_without_a_log(args):
    result = python('-m', 'mmnystrom.bridge', str(ROOT / 'tools/train.py'), *args)
    said = result.stdout.replace(ONEDL, '') + result.stderr
    assert said.startswith('usage: train.py') and 'INFO' not in said


def test_warns_of_what_was_bound_before_it():
    result = python('-c', 'import mmrazor.datasets, mmnystrom')
    log = result.stdout + result.stderr
    assert result.returncode == 0, log
    assert log.count('imported before') == 1
    assert 'mmrazor.datasets.transforms.formatting (ClsDataSample, PackClsInputs' in log
    assert 'python -m mmnystrom.bridge' in log


@pytest.mark.skipif(torch.__version__ < '2', reason='stock mmrazor starts there')
def test_cures_what_failed_before_it():
    code = """
try:
    import mmrazor.models
except ImportError:
    import mmnystrom
from mmrazor.registry import MODELS
assert MODELS.get('mmrazor.SingleTeacherDistill')
"""
    result = python('-c', code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ('version', 'expected'),
    [('2.2.0', 'cured: mmcv newer than mmrazor allows'), ('1.7.0', 'mmcv 1.7.0 is too old')],
)
def test_other_versions_of_mmcv(version, expected):
    code = f"""
import mmcv
mmcv.__version__ = {version!r}
import mmnystrom, mmrazor.models
assert mmcv.__version__ == {version!r}
print('cured:', *mmnystrom.bridge.install())
"""
    result = python('-c', code)
    assert (result.returncode == 0) == (version == '2.2.0')
    assert expected in result.stdout + result.stderr


def test_an_unusable_mmcls_is_passed_over(tmp_path):
    """As mmcls 0.25 and 1.0.0rc6 do, beside an mmcv of today."""
    (tmp_path / 'mmcls').mkdir()
    (tmp_path / 'mmcls' / '__init__.py').write_text("assert False, 'MMCV==2.1.0 is incompatible'")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import mmnystrom, mmcls, mmpretrain
assert mmcls is mmpretrain and mmcls.__spec__.name == 'mmpretrain'
from mmengine.hub import get_config
assert get_config('mmcls::resnet/resnet18_8xb32_in1k.py').model.backbone.depth == 18
"""
    result = python('-c', code)
    assert result.returncode == 0, result.stderr


def test_missing_packages_are_named_at_once(monkeypatch):
    find_spec = dependencies.importlib.util.find_spec
    gone = ('mmpretrain', 'scipy')
    monkeypatch.setattr(
        dependencies.importlib.util,
        'find_spec',
        lambda name: None if name in gone else find_spec(name),
    )
    with pytest.raises(ImportError, match=r'needs mmpretrain, scipy(.|\n)*pip install "mmpretrain'):
        dependencies.check()


def test_a_missing_host_is_named_with_both_remedies(monkeypatch):
    find_spec = dependencies.importlib.util.find_spec
    monkeypatch.setattr(
        dependencies.importlib.util, 'find_spec', lambda x: None if x == 'mmengine' else find_spec(x)
    )
    with pytest.raises(
        ImportError, match=r'"mmengine>=0\.10,<1"\n.*OneDL.*\n.*"onedl-mmengine>=0\.10\.12'
    ):
        dependencies.check()


@pytest.mark.parametrize(
    ('both', 'folder'), [(('mmengine', 'onedl-mmengine'), 'mmengine'), (('mmcv', 'mmcv-lite'), 'mmcv')]
)
def test_two_packages_in_one_folder_are_found(monkeypatch, both, folder):
    def version(name):
        if name not in both:
            raise dependencies.PackageNotFoundError(name)
        return '1.0'

    monkeypatch.setattr(dependencies, 'version', version)
    one, other = both
    with pytest.raises(ImportError, match=f'{one} 1.0 and {other} 1.0 have written into the same folder'):
        dependencies.check()


def test_a_missing_torch_is_named_too():
    result = python('-c', "import sys; sys.modules['torch'] = None; import mmnystrom.registry")
    assert 'mmnystrom needs torch, which this environment does not have' in result.stderr


def test_any_script_runs_with_the_bridge_on(tmp_path):
    (tmp_path / 'neighbour.py').write_text('VALUE = 3')
    (tmp_path / 'script.py').write_text(
        'import sys\n'
        'import neighbour\n'
        'from mmcls.structures import ClsDataSample\n'
        'print(__name__, sys.argv[1:], neighbour.VALUE, ClsDataSample.__name__)\n'
    )
    result = python('-m', 'mmnystrom.bridge', str(tmp_path / 'script.py'), '--flag', 'x')
    assert "__main__ ['--flag', 'x'] 3 DataSample" in result.stdout, result.stderr


def test_a_script_that_is_not_there():
    result = python('-m', 'mmnystrom.bridge', 'nowhere.py')
    assert result.returncode != 0
    assert "script='nowhere.py' is not a file" in result.stderr


def test_usage():
    assert 'usage' in python('-m', 'mmnystrom.bridge').stderr


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_tools_take_mmrazors_own_options(tool):
    result = python(str(Path(__file__).parents[2] / 'tools' / tool), '--help')
    assert '--cfg-options' in result.stdout, result.stderr
    assert '--launcher' in result.stdout
