_base_ = [
    '../../../_base_/models/resnet18-w16_cifar.py',
    '../../../_base_/datasets/cifar100_bs128.py',
    '../../../_base_/schedules/cifar100-20_30e.py',
    '../../../_base_/default_runtime.py',
]

model = dict(
    _base_.teacher,
    head=dict(_base_.teacher.head, num_classes=_base_.num_classes))
val_cfg = dict()
