_base_ = [
    '../../../_base_/models/cifar100-20_resnet18-w16.py',
    '../../../_base_/datasets/cifar100-20_bs128.py',
    '../../../_base_/schedules/cifar100-20_30e.py',
    '../../../_base_/default_runtime.py',
]

model = _base_.teacher
val_cfg = dict()
