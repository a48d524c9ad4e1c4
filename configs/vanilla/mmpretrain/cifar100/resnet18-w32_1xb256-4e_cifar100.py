_base_ = [
    '../../../_base_/models/cifar100_resnet18.py',
    '../../../_base_/datasets/cifar100_bs256.py',
    '../../../_base_/schedules/cifar100_4e.py',
    '../../../_base_/default_runtime.py',
]

model = _base_.student
model.backbone.update(stem_channels=32, base_channels=32)
model.head.in_channels = 256
val_cfg = dict()
