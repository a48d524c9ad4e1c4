"""Trainings of another length."""

import pytest
from mmengine.config import Config

from mmnystrom.benchmark.demo import PAIR
from mmnystrom.benchmark.errors import SuiteError
from mmnystrom.benchmark.places import CONFIGS
from mmnystrom.benchmark.plan import STUDENT, TEACHER, Method
from mmnystrom.benchmark.schedule import scaled_schedule, scaled_students

DISTILL = CONFIGS / 'distill/mmpretrain'
VANILLA = CONFIGS / 'vanilla/mmpretrain'


def scaled(path, epochs):
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(scaled_schedule(cfg, epochs))
    return cfg


@pytest.mark.parametrize(
    ('epochs', 'warmup', 'decay'), [(16, 2, 14), (10, 1, 9), (160, 20, 140), (1, 1, 1)]
)
def test_every_part_is_in_proportion(epochs, warmup, decay):
    cfg = scaled(DISTILL / f'kda/kda_neck_{PAIR}.py', epochs)  # 40 epochs, 5 of warm-up
    assert cfg.train_cfg.max_epochs == cfg.train_cfg.val_interval == epochs
    first, second = cfg.param_scheduler
    assert (first.end, second.begin) == (warmup, warmup)
    assert (second.T_max, second.end) == (decay, epochs)
    assert cfg.custom_hooks[0].warmup_epochs == warmup


def test_milestones_and_ramps_too():
    cfg = scaled(VANILLA / 'cifar100/wrn16-2_1xb64-240e_cifar100.py', 24)
    assert cfg.param_scheduler[0].milestones == [15, 18, 21]
    hook = dict(type='LandmarkHook', warmup_epochs=0, ramp_epochs=1.5)
    cfg = Config(dict(train_cfg=dict(max_epochs=20), custom_hooks=[hook]))
    changes = scaled_schedule(cfg, 10)
    assert changes.pop('custom_hooks.0.ramp_epochs') == 0.75
    assert list(changes) == ['train_cfg.max_epochs', 'train_cfg.val_interval']


def test_a_config_of_iterations_is_refused():
    with pytest.raises(SuiteError, match='counts iterations, .* leave epochs out'):
        scaled_schedule(Config(dict(train_cfg=dict(max_iters=9))), 3)


def test_students_and_first_stages_but_not_the_teacher():
    ab = DISTILL / 'abloss'
    methods = {
        TEACHER: Method(VANILLA / 'digits/resnet18-w16_1xb64-30e_digits.py'),
        STUDENT: Method(VANILLA / 'digits/resnet18-w8_1xb32-40e_digits.py'),
        'AB first stage': Method(next(ab.glob('*_pretrain_*-7e_digits.py'))),
        'AB': Method(ab / f'abloss_logits_{PAIR}.py', first='AB first stage'),
    }
    configs = {name: Config.fromfile(method.config) for name, method in methods.items()}
    found = scaled_students(methods, configs, 20)
    lengths = {name: changes['train_cfg.max_epochs'] for name, changes in found.items()}
    assert lengths == {STUDENT: 20, 'AB first stage': 4, 'AB': 20}  # 7 of 40, halved
