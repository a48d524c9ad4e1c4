_base_ = [
    '../../../_base_/models/cifar100_shufflenet-v2-1x.py',
    '../../../_base_/datasets/cifar100_bs256.py',
    '../../../_base_/schedules/cifar100_120e.py',
    '../../../_base_/default_runtime.py',
]

model = _base_.student
val_cfg = dict()
