_base_ = [
    '../../../_base_/pairs/wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/at.py',
]

model = dict(
    distiller=dict(
        student_recorders=_base_.student_maps,
        teacher_recorders=_base_.teacher_maps,
        **_base_.distiller))
