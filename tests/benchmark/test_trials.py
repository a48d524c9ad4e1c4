"""What is tried: the grid, what is tuned in a config, the next factor; and what is chosen."""

import pytest
from mmengine.config import Config
from support import CONFIGS, PAIR

from mmnystrom.benchmark.errors import SuiteError
from mmnystrom.benchmark.trials import Tuning, choose, next_factor, scaled, weights

DISTILL = CONFIGS / 'distill/mmpretrain'
ALONE = CONFIGS / 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py'
KD = DISTILL / f'kd/kd_logits_{PAIR}.py'
BOTH = DISTILL / f'kda/kda_neck-kd_{PAIR}.py'
LOSSES = 'model.distiller.distill_losses'


def test_the_grid_is_logarithmic_about_the_papers_weights():
    factors = Tuning(trials=7, span=8).factors
    assert factors == pytest.approx([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]) and factors[3] == 1


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        (dict(trials=4), 'trials=4 must be odd'),
        (dict(trials=1), 'trials=1 must be an integer >= 3'),
        (dict(trials=True), 'trials=True'),
        (dict(further=-1), 'further=-1 must be an integer >= 0'),
        (
            dict(further=8),
            r'further=8 give factors that differ by 0\.45 %: give a larger span, or fewer trials',
        ),
        (dict(span=1), 'span=1 must be a finite number > 1'),
        (dict(seeds=0), 'seeds=0'),
        (dict(epochs=0), 'epochs=0'),
        (dict(validation=1.0), r'validation=1\.0 must be a finite number > 0 and < 1'),
        (dict(trails=5), 'tune has trails, and may have trials'),
    ],
)
def test_what_makes_no_sense_is_refused(given, words, tmp_path):
    with pytest.raises(SuiteError, match=words):
        Tuning.of(Config(dict(tune=given)), tmp_path / 'suite.py')


def test_weights_are_those_of_the_distillation_alone():
    cfg = Config.fromfile(BOTH)
    losses = cfg.model.distiller.distill_losses
    assert weights(cfg) == {
        f'{LOSSES}.{name}.loss_weight': loss.loss_weight for name, loss in losses.items()
    }
    assert len(losses) == 2
    del losses.loss_kl['loss_weight']
    assert weights(cfg)[f'{LOSSES}.loss_kl.loss_weight'] == 1.0  # KLDivergence's own default
    assert scaled(KD, 3) == {f'{LOSSES}.loss_kl.loss_weight': pytest.approx(2.7)}
    assert scaled(ALONE, 2) == {'optim_wrapper.optimizer.weight_decay': pytest.approx(1e-3)}


def test_nothing_to_tune_is_said(tmp_path):
    cfg = Config.fromfile(ALONE)
    del cfg.optim_wrapper.optimizer['weight_decay']
    with pytest.raises(SuiteError, match='finds no loss_weight'):
        weights(cfg)


@pytest.mark.parametrize('file', sorted(DISTILL.glob(f'*/*{PAIR}.py')), ids=lambda path: path.stem)
def test_every_method_of_the_zoo_has_weights(file):
    assert all(value > 0 for value in weights(Config.fromfile(file)).values())


def test_the_best_mean_wins_a_failed_trial_counts_as_nothing_and_ties_stay_near_the_paper():
    assert choose({0.1: [50.0, 60.0], 1.0: [54.0, 55.0], 10.0: None}) == 0.1
    assert choose({0.1: [55.0], 1.0: [55.0], 10.0: [55.0]}) == 1.0
    assert choose({0.1: [55.0], 1.0: [54.0], 10.0: [55.0]}) == 0.1
    assert choose({0.1: None, 1.0: None}) == 1.0


def test_a_further_trial_is_a_step_beyond_the_edge_or_half_way_to_the_better_neighbour():
    at = {0.1: [50.0], 1.0: [55.0], 10.0: [60.0]}
    assert next_factor(at) == pytest.approx(100)
    assert next_factor({**at, 0.1: [61.0]}) == pytest.approx(0.01)
    assert next_factor({**at, 1.0: [61.0]}) == pytest.approx(10**0.5)
    assert next_factor({**at, 1.0: [61.0], 10.0: None}) == pytest.approx(10**-0.5)
    inside = {**at, 1.0: [61.0], 10**0.5: [62.0]}
    assert next_factor(inside) == pytest.approx(10**0.25)  # 1 is better than 10
    assert next_factor({0.1: None, 1.0: None, 10.0: None}) == pytest.approx(10**-0.5)
