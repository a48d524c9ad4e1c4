"""Names in a distiller's config that are not there: which network, and the nearest names."""

import pytest
from mmengine.runner import Runner
from mmrazor.models.task_modules.recorder import ModuleOutputsRecorder, ParameterRecorder
from mmrazor.registry import MODELS
from support import kda_config
from torch import nn


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.neck = nn.ModuleDict(dict(gap=nn.Identity()))
        self.head = nn.ModuleDict(dict(fc=nn.Linear(2, 3)))


@pytest.mark.parametrize(
    ('recorder', 'source', 'nearest'),
    [
        (ModuleOutputsRecorder, 'neck.gapp', "There is 'neck.gap'"),
        (ModuleOutputsRecorder, 'backbone.gap', "There is 'neck.gap'"),
        (ModuleOutputsRecorder, 'zzz', "There is 'neck', 'neck.gap', 'head', 'head.fc'."),
        (ParameterRecorder, 'head.fc.weights', "There is 'head.fc.weight'"),
    ],
)
def test_a_layer(recorder, source, nearest):
    with pytest.raises(
        ValueError, match=f'"{source}" is not in the model. The recorder looks in a Network'
    ) as error:
        recorder(source).initialize(Network())
    assert nearest in str(error.value)


@pytest.mark.parametrize(
    ('argument', 'change', 'words'),
    [
        (
            's_feature',
            dict(recorder='feats'),
            '"feats" must be in `student_recorders`. There is \'feat\'.',
        ),
        ('t_feature', dict(connector='pol'), 'pol must be in "connectors".'),
    ],
)
def test_a_recorder_or_a_connector(tmp_path, argument, change, words):
    cfg = kda_config(tmp_path)
    cfg.model.distiller.loss_forward_mappings.loss_kda[argument].update(change)
    cfg.experiment_name = tmp_path.name
    with pytest.raises(ValueError) as error:
        Runner.from_cfg(cfg)
    assert words in str(error.value) and '   ' not in str(error.value)


@pytest.mark.parametrize(
    ('wrong', 'nearest'),
    [('KDAloss', 'KDALoss'), ('mmrazor.KDAloss', 'KDALoss'), ('KLDivergense', 'KLDivergence')],
)
def test_a_type(wrong, nearest):
    with pytest.raises(KeyError, match=rf'is not in the .* registry.* Nearest to it: {nearest}') as error:
        MODELS.build(dict(type=wrong))
    assert str(error.value).count('Nearest') == 1


def test_a_type_like_no_other():
    with pytest.raises(KeyError, match='Zqxj is not in the') as error:
        MODELS.build(dict(type='Zqxj'))
    assert 'Nearest' not in str(error.value)


def test_a_type_within_a_model(tmp_path):
    cfg = kda_config(tmp_path)
    cfg.model.distiller.distill_losses.loss_kda.type = 'KDAloss'
    cfg.experiment_name = tmp_path.name
    with pytest.raises(KeyError) as error:
        Runner.from_cfg(cfg)
    assert str(error.value).count('Nearest to it: KDALoss') == 1
