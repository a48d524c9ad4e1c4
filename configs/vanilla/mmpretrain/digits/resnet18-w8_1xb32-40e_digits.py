_base_ = [
    '../../../_base_/models/digits_resnet18-w8.py',
    '../../../_base_/datasets/digits-20_bs32.py',
    '../../../_base_/schedules/digits_40e.py',
    '../../../_base_/default_runtime.py',
]

model = _base_.student
val_cfg = dict()
