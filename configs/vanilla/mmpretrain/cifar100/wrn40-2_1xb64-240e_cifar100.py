_base_ = [
    '../../../_base_/models/cifar100_wrn40-2.py',
    '../../../_base_/datasets/cifar100_bs64.py',
    '../../../_base_/schedules/cifar100_240e.py',
    '../../../_base_/default_runtime.py',
]

model = _base_.teacher
val_cfg = dict()
