# mmpretrain's resnet18_8xb32_in1k, with this project's runtime.
_base_ = [
    '../../../_base_/models/resnet18.py',
    '../../../_base_/datasets/in1k_bs32.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
    '../../../_base_/default_runtime.py',
]

model = dict(
    _base_.student,
    head=dict(_base_.student.head, num_classes=_base_.num_classes))
