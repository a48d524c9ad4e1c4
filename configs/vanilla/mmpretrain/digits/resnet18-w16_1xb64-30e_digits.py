_base_ = [
    '../../../_base_/models/digits_resnet18-w16.py',
    '../../../_base_/datasets/digits_bs64.py',
    '../../../_base_/schedules/digits_30e.py',
    '../../../_base_/default_runtime.py',
]

model = _base_.teacher
val_cfg = dict()
