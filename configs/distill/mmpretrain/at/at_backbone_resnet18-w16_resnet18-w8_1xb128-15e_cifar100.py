_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/at.py',
]

model = dict(
    distiller=dict(
        student_recorders=_base_.student_maps,
        teacher_recorders=_base_.teacher_maps,
        **_base_.distiller))
