"""mmengine's package helpers without pkg_resources."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import mmcv
import mmengine
import pytest
from mmengine.config.utils import MODULE2PACKAGE

from mmnystrom.bridge import package_metadata
from mmnystrom.bridge.package_metadata import get_installed_path, is_installed, package2module


def test_installed():
    assert is_installed('mmengine')
    assert is_installed('json')  # importable, no distribution
    assert not is_installed('no-such-package')


def test_path_of_a_distribution_named_otherwise_than_its_module():
    assert Path(get_installed_path('mmengine')) == Path(mmengine.__file__).parent
    assert Path(get_installed_path('scikit-learn')).name == 'sklearn'
    assert Path(get_installed_path('mmcv')) == Path(mmcv.__file__).parent


def test_path_of_an_editable_or_plain_install_of_this_package():
    import mmnystrom

    assert Path(get_installed_path('mmnystrom')).samefile(Path(mmnystrom.__file__).parent)


def test_path_of_a_module_without_distribution():
    assert Path(get_installed_path('json')).name == 'json'


def test_a_package_whose_distribution_has_another_name(tmp_path, monkeypatch):
    """As mmseg of onedl-mmsegmentation, which mmengine looks for as mmsegmentation."""
    (tmp_path / 'mmother').mkdir()
    (tmp_path / 'mmother/__init__.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MODULE2PACKAGE, 'mmother', 'mmotherwise')
    assert is_installed('mmotherwise')
    assert Path(get_installed_path('mmotherwise')) == tmp_path / 'mmother'
    monkeypatch.setattr('mmengine.utils.package_utils.is_installed', lambda name: name != 'mmotherwise')
    assert package_metadata.is_broken()


def test_path_of_nothing():
    with pytest.raises(PackageNotFoundError):
        get_installed_path('no-such-package')


def test_module_of_a_distribution():
    assert package2module('scikit-learn') == 'sklearn'
    assert package2module('pytest') in ('_pytest', 'py', 'pytest')


@pytest.mark.skipif(not package_metadata.is_broken(), reason='pkg_resources is there')
def test_every_re_export_is_replaced():
    import mmengine.config.config as config
    import mmengine.hub.hub as hub
    import mmengine.utils as utils

    for module in (utils, config, hub):
        assert module.get_installed_path is get_installed_path
