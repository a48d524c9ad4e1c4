"""The bridge is on before OpenMMLab is, and not before anybody wants it. In fresh interpreters."""

import pytest
from bare import python

import mmnystrom

HOSTS = ('mmengine', 'mmcv', 'mmpretrain', 'mmrazor')
OFF = f'import sys; assert not set(sys.modules) & set({HOSTS})\n'
ON = (
    "import sys; assert 'mmnystrom.plugin' in sys.modules\n"
    'from mmengine.registry import MODELS\n'
    "assert MODELS.get('mmnystrom.KDALoss').__name__ == 'KDALoss'\n"
)


def run(code):
    result = python('-c', code)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_method_alone_imports_nothing_of_openmmlab():
    run(
        'import mmnystrom.core, importlib.util\n'
        "importlib.util.find_spec('mmengine')\n"  # only asks
        'from mmnystrom import KernelTransferLoss\n'
        f'assert KernelTransferLoss is mmnystrom.core.KernelTransferLoss\n{OFF}'
    )


@pytest.mark.parametrize(
    'first',
    [
        'import mmnystrom.core, mmengine',
        'import mmnystrom\nfrom mmcls.structures import ClsDataSample',
        'import mmengine, mmnystrom',
        'import mmnystrom.registry',
        'from mmnystrom.plugin import PoolConnector',
    ],
)
def test_whoever_imports_openmmlab_has_the_bridge_and_the_plugin(first):
    run(f'{first}\n{ON}')


def test_a_watched_package_is_itself():
    run(
        'import importlib, pickle, mmnystrom, mmengine\n'
        "assert mmengine.__spec__.loader.__class__.__name__ == 'SourceFileLoader'\n"
        'assert mmengine.__loader__ is mmengine.__spec__.loader\n'
        'assert importlib.reload(mmengine) is mmengine\n'
    )


def test_mmengine_without_mmrazor_is_left_alone():
    """Somebody else's mmengine, in an environment where the bridge has nothing to do."""
    out = run(
        "import sys; sys.modules['mmrazor'] = None\n"
        'import mmnystrom.core, mmengine\n'
        'try:\n    import mmnystrom.plugin\nexcept ImportError as error:\n    print(error)'
    )
    assert out.startswith('mmnystrom needs mmrazor, which this environment does not have')


def test_names_at_the_top():
    assert mmnystrom.KDALoss is mmnystrom.plugin.KDALoss
    assert mmnystrom.KernelTransferLoss is mmnystrom.core.KernelTransferLoss
    assert {'KDALoss', 'core', 'plugin', 'bridge'} <= set(dir(mmnystrom))
    with pytest.raises(AttributeError, match="'mmnystrom' has no attribute 'nothing'"):
        _ = mmnystrom.nothing
