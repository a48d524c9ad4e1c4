"""The stand-in for the quantization tables."""

import sys

import pytest

from mmnystrom.bridge import quantization

MODULE = sys.modules[quantization.PACKAGE]
pytestmark = pytest.mark.skipif(
    not isinstance(MODULE.BackendConfigs, quantization._NoTables),
    reason='this torch builds the tables',
)


def test_everything_else_of_mmrazor_imports():
    import mmrazor.engine
    import mmrazor.models
    import mmrazor.structures  # noqa: F401


def test_use_raises_an_error_that_says_why():
    with pytest.raises(NotImplementedError, match=r"'native' quantization table .* torch 1\.13"):
        MODULE.get_native_backend_config()
    with pytest.raises(NotImplementedError, match='academic'):
        MODULE.BackendConfigs['academic']
    with pytest.raises(KeyError):
        MODULE.BackendConfigs['nothing']
    assert list(MODULE.BackendConfigs) == list(quantization.BACKENDS)


def test_a_quantizer_says_so_too():
    from mmengine.registry import DefaultScope
    from mmrazor.registry import MODELS

    scope = DefaultScope.overwrite_default_scope('mmrazor')
    with scope, pytest.raises(NotImplementedError, match='quantization table'):
        MODELS.build(
            dict(
                type='mmrazor.OpenVINOQuantizer',
                global_qconfig=dict(
                    w_observer=dict(type='mmrazor.PerChannelMinMaxObserver'),
                    a_observer=dict(type='mmrazor.MovingAverageMinMaxObserver'),
                    w_fake_quant=dict(type='mmrazor.FakeQuantize'),
                    a_fake_quant=dict(type='mmrazor.FakeQuantize'),
                    w_qscheme=dict(qdtype='qint8', bit=8, is_symmetry=True),
                    a_qscheme=dict(qdtype='quint8', bit=8, is_symmetry=True),
                ),
            )
        )
