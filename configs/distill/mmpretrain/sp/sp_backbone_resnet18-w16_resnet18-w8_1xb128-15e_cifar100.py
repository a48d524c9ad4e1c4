_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/sp.py',
]

model = dict(
    distiller=dict(
        student_recorders=dict(high=_base_.student_maps.high),
        teacher_recorders=dict(high=_base_.teacher_maps.high),
        **_base_.distiller))
