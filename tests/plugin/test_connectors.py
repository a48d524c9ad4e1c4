"""Connectors, alone and in mmrazor's distiller."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmrazor.registry import MODELS
from scipy import special, stats
from support import kda_config, train

from mmnystrom.plugin import NormalizeConnector, PoolConnector, ProjectionConnector


def test_maps():
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(PoolConnector()(x), F.adaptive_avg_pool2d(x, 1).flatten(1))
    torch.testing.assert_close(PoolConnector(map_pool='max')(x), F.adaptive_max_pool2d(x, 1).flatten(1))


def test_tokens():
    x = torch.randn(2, 7, 3)
    assert torch.equal(PoolConnector()(x), x[:, 0])
    torch.testing.assert_close(PoolConnector(token_pool='mean')(x), x.sum(1) / 7)


def test_nothing_pooled():
    maps, tokens = torch.randn(2, 3, 4, 5), torch.randn(2, 7, 3)
    assert torch.equal(PoolConnector(map_pool='flatten')(maps), maps.reshape(2, 60))
    assert torch.equal(PoolConnector(token_pool='flatten')(tokens), tokens.reshape(2, 21))
    assert torch.equal(PoolConnector(map_pool='flatten')(tokens), tokens[:, 0])


def test_maps_are_averaged_over_a_grid():
    maps = torch.randn(2, 3, 8, 6)
    cells = maps.reshape(2, 3, 2, 4, 2, 3).mean((3, 5))
    torch.testing.assert_close(PoolConnector(map_pool=2)(maps), cells.reshape(2, 12))
    torch.testing.assert_close(PoolConnector(map_pool=1)(maps), PoolConnector()(maps))
    # A map that is smaller than the grid, along one side or both, keeps its pixels.
    torch.testing.assert_close(PoolConnector(map_pool=9)(maps), maps.flatten(1))
    thin = torch.randn(2, 3, 8, 1)
    torch.testing.assert_close(
        PoolConnector(map_pool=4)(thin), thin.reshape(2, 3, 4, 2).mean(3).flatten(1)
    )


def test_the_last_of_a_tuple_or_list():
    x = torch.randn(2, 3)
    assert PoolConnector()((torch.zeros(2, 9, 4, 4), [torch.zeros(1), x])) is x


@pytest.mark.parametrize('bad', [torch.zeros(3), torch.zeros(1, 2, 3, 4, 5), ()])
def test_pool_of_something_else(bad):
    with pytest.raises(ValueError, match='PoolConnector'):
        PoolConnector()(bad)


def test_unknown_pools():
    with pytest.raises(
        ValueError, match=r"map_pool='sum' is unknown: write one of \['avg', 'max', 'flatten'\]"
    ):
        PoolConnector(map_pool='sum')
    with pytest.raises(ValueError, match="token_pool='last'"):
        PoolConnector(token_pool='last')
    for bad in (0, 2.0, True, None):
        with pytest.raises(ValueError, match=rf"map_pool={bad} must be an integer >= 1.* 'flatten'"):
            PoolConnector(map_pool=bad)


@pytest.mark.parametrize('norm_cfg', [None, dict(type='BN1d', momentum=0.5), dict(type='LN', eps=1e-3)])
def test_projection(norm_cfg):
    connector = ProjectionConnector(4, 6, norm_cfg=norm_cfg)
    x = torch.randn(8, 4)
    expected = F.linear(x, connector.linear.weight, connector.linear.bias)
    if norm_cfg and norm_cfg['type'] == 'BN1d':
        expected = F.batch_norm(expected, None, None, training=True)
        assert connector.norm.momentum == 0.5
    elif norm_cfg:
        expected = F.layer_norm(expected, (6,), eps=1e-3)
    torch.testing.assert_close(connector(x[:, :, None, None]), expected)


def test_projection_of_bad_input():
    with pytest.raises(ValueError, match='set in_channel=5'):
        ProjectionConnector(4, 6)(torch.zeros(2, 5))
    with pytest.raises(ValueError, match='in_channel=0 must be an integer >= 1'):
        ProjectionConnector(0, 6)
    with pytest.raises(ValueError, match="type='BN2d' is unknown"):
        ProjectionConnector(4, 6, norm_cfg=dict(type='BN2d'))


def test_normalize():
    x = torch.randn(5, 3)
    x[2] = 0
    y = NormalizeConnector()(x)
    torch.testing.assert_close(y.norm(dim=1), torch.tensor([1.0, 1, 0, 1, 1]))
    torch.testing.assert_close(y[0], x[0] / x[0].norm())
    assert NormalizeConnector()(torch.randn(2, 3, 4, 4)).square().sum(1).allclose(torch.ones(2, 4, 4))


def test_normalize_does_not_overflow_in_half_precision():
    y = NormalizeConnector()(torch.full((1, 4), 6e4, dtype=torch.float16))
    torch.testing.assert_close(y, torch.full((1, 4), 0.5))


@pytest.mark.parametrize('scale', [1e-20, 1.0, 1e30, 3e38])
def test_normalize_of_features_whose_squares_overflow(scale):
    feature = scale * torch.tensor([[0.6, -0.8], [1.0, 0.0]])
    expected = torch.tensor([[0.6, -0.8], [1.0, 0.0]])
    found = NormalizeConnector(eps=1e-30)(feature.clone().requires_grad_())
    torch.testing.assert_close(found, expected)
    # Its gradient is that of the formula, (I - n n^T) / |x|.
    x = feature.double().requires_grad_()
    ours = torch.autograd.grad(NormalizeConnector(eps=1e-30)(x)[0, 0], x)[0][0]
    n = feature[0].double() / feature[0].double().norm()
    theirs = (torch.tensor([1.0, 0.0]).double() - n * n[0]) / feature[0].double().norm()
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)


def test_normalize_gradient_of_zero_is_finite():
    x = torch.zeros(1, 3, requires_grad=True)
    NormalizeConnector()(x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_normalize_bad_eps():
    with pytest.raises(ValueError, match='eps=0 must be a finite number > 0'):
        NormalizeConnector(eps=0)


@pytest.mark.parametrize(
    ('cfg', 'words'),
    [
        (dict(type='mmrazor.PoolConnector'), 'PoolConnector'),
        (
            dict(type='mmrazor.ProjectionConnector', in_channel=2, out_channel=2),
            'ProjectionConnector',
        ),
        (dict(type='mmrazor.NormalizeConnector'), 'NormalizeConnector'),
    ],
)
def test_registered(cfg, words):
    assert type(MODELS.build(cfg)).__name__ == words


def test_inner_layers_through_connectors_beside_mmrazors_own(tmp_path):
    """Two losses on inner layers of different width, one behind a chain with mmrazor's connector."""
    cfg = kda_config(tmp_path, epochs=3)
    distiller = cfg.model.distiller
    for recorders in (distiller.student_recorders, distiller.teacher_recorders):
        recorders.layer3 = dict(type='ModuleOutputs', source='backbone.layer3')
        recorders.stages = dict(type='ModuleOutputs', source='backbone')
    distiller.connectors = dict(
        pool=dict(type='PoolConnector'),
        chain=[
            dict(type='TorchNNConnector', module_name='ReLU', module_args=dict(inplace=False)),
            dict(type='PoolConnector', map_pool='max'),
            dict(type='ProjectionConnector', in_channel=16, out_channel=5, norm_cfg=dict(type='BN1d')),
            dict(type='NormalizeConnector'),
        ],
    )
    label = distiller.loss_forward_mappings.loss_kda.gt_label
    kda = dict(type='KDALoss', landmarks=dict(type='class_center', num_landmarks=10))
    distiller.distill_losses.loss_inner = kda
    distiller.distill_losses.loss_last = kda
    distiller.loss_forward_mappings.loss_inner = dict(
        s_feature=dict(from_student=True, recorder='layer3', connector='chain'),
        t_feature=dict(from_student=False, recorder='layer3', connector='pool'),
        gt_label=label,
    )
    distiller.loss_forward_mappings.loss_last = dict(
        s_feature=dict(from_student=True, recorder='stages', connector='pool'),
        t_feature=dict(from_student=False, recorder='stages', connector='pool'),
        gt_label=label,
    )
    runner, curve = train(cfg)
    losses = runner.model.distiller.distill_losses
    assert losses.loss_inner.landmarks.student.shape == (10, 5)
    assert losses.loss_inner.landmarks.teacher.shape == (10, 32)
    assert losses.loss_last.landmarks.student.shape == (10, 32)
    for name in ('loss_kda', 'loss_inner', 'loss_last'):
        assert curve[0][f'distill.{name}'] == 0
        assert curve[-1][f'distill.{name}'] > 0


def test_standardized_logits_are_z_scores():
    """Sun et al., 2024: whatever an image's logits are shifted and scaled by, nothing changes."""
    logits = torch.from_numpy(np.random.default_rng(0).normal(3, 5, (6, 10)))
    found = MODELS.build(dict(type='StandardizeConnector'))(logits)
    np.testing.assert_allclose(found, stats.zscore(logits, axis=1, ddof=1), rtol=1e-6)
    other = MODELS.build(dict(type='StandardizeConnector'))(logits * torch.arange(1, 7)[:, None] - 4)
    torch.testing.assert_close(other, found)
    half = MODELS.build(dict(type='StandardizeConnector'))(logits.half())
    assert half.dtype == torch.float32


def test_equal_logits_stay_finite():
    logits = torch.zeros(2, 3, requires_grad=True)
    found = MODELS.build(dict(type='StandardizeConnector'))(logits)
    assert torch.equal(found, torch.zeros(2, 3))
    found.sum().backward()
    assert logits.grad.isfinite().all()


def test_softened_probabilities():
    logits = torch.from_numpy(np.random.default_rng(0).normal(0, 300, (6, 10)))
    for tau in (1, 4):
        found = MODELS.build(dict(type='SoftmaxConnector', tau=tau))(logits)
        np.testing.assert_allclose(found, special.softmax(logits.numpy() / tau, axis=1), rtol=1e-6)
    half = MODELS.build(dict(type='SoftmaxConnector'))(logits.half())
    assert half.dtype == torch.float32 and half.isfinite().all()


def test_dist_is_kda_of_probabilities_with_one_hot_landmarks():
    """Against mmrazor's DISTLoss."""
    tau, classes = 4, 7
    generator = torch.Generator().manual_seed(0)
    logits = [3 * torch.randn(12, classes, generator=generator) for _ in range(2)]
    logits[0].requires_grad_()
    one_hot = torch.eye(classes).tolist()
    kda = MODELS.build(
        dict(
            type='KDALoss',
            landmarks=dict(type='fixed', student=one_hot, teacher=one_hot),
            form=dict(type='nystrom', center='landmarks'),
            distance='correlation',
            loss_weight=2 * tau**2,
        )
    )
    soft = MODELS.build(dict(type='SoftmaxConnector', tau=tau))
    dist = MODELS.build(dict(type='mmrazor.DISTLoss', tau=tau, loss_weight=2))
    losses = kda.eval()(*map(soft, logits)), dist(*logits)
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits[0])[0] for loss in losses))


@pytest.mark.parametrize('connector', ['StandardizeConnector', 'SoftmaxConnector'])
@pytest.mark.parametrize(
    ('given', 'error', 'words'),
    [
        (torch.zeros(2, 3, 4), ValueError, r'logits of shape \(N, classes\), got \(2, 3, 4\)'),
        (torch.zeros(2, 1), ValueError, r'got \(2, 1\)'),
        (torch.zeros(2, 3).long(), TypeError, 'got torch.int64'),
        ((torch.zeros(2, 3),), TypeError, 'got tuple'),
    ],
)
def test_what_are_no_logits(given, error, words, connector):
    with pytest.raises(error, match=f'{connector}.*{words}'):
        MODELS.build(dict(type=connector))(given)


def test_a_bad_tau_is_refused():
    with pytest.raises(ValueError, match='tau=0'):
        MODELS.build(dict(type='SoftmaxConnector', tau=0))


def test_a_bad_eps_is_refused():
    with pytest.raises(ValueError, match='eps=0'):
        MODELS.build(dict(type='StandardizeConnector', eps=0))
