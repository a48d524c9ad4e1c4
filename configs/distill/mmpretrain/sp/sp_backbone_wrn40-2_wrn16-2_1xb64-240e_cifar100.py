_base_ = [
    '../../../_base_/pairs/wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/sp.py',
]

model = dict(
    distiller=dict(
        student_recorders=dict(high=_base_.student_maps.high),
        teacher_recorders=dict(high=_base_.teacher_maps.high),
        **_base_.distiller))
