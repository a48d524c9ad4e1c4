"""The teacher's accuracy in a test."""

import torch
from mmengine.runner import Runner
from support import kda_config, train

from mmnystrom.plugin import TeacherTestHook


def test_the_teachers_accuracy_is_its_own(tmp_path):
    torch.manual_seed(0)
    runner = Runner.from_cfg(kda_config(tmp_path, epochs=1))
    runner.model.init_weights()
    runner.register_hook(TeacherTestHook())
    with torch.no_grad():
        runner.model.teacher.head.fc.weight.zero_()
        runner.model.teacher.head.fc.bias.copy_(torch.arange(10.0))  # always says nine
    found = runner.test()
    labels = runner.test_dataloader.dataset.get_gt_labels()
    nines = 100 * (labels == 9).mean()
    assert found['teacher.accuracy/top1'] == nines > 0
    assert 'accuracy/top1' in found


def test_nothing_without_a_teacher(tmp_path):
    cfg = kda_config(tmp_path, epochs=1)
    preprocessor = cfg.model.data_preprocessor
    cfg.merge_from_dict(
        dict(data_preprocessor=preprocessor, custom_hooks=[], val_cfg=dict(_delete_=True))
    )
    cfg.model = cfg.model.architecture
    runner = Runner.from_cfg(cfg)
    runner.register_hook(TeacherTestHook())
    assert list(runner.test()) == ['accuracy/top1']


def test_a_teacher_of_more_classes_teaches_the_pooled_features(tmp_path):
    """As the README says; its own accuracy means nothing then."""
    cfg = kda_config(tmp_path, epochs=2, model__teacher__head__num_classes=15)
    _, curve = train(cfg)
    assert curve[-1]['distill.loss_kda'] > 0
