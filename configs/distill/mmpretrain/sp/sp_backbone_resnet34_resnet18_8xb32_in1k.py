_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/sp.py',
]

model = dict(
    distiller=dict(
        student_recorders=dict(high=_base_.student_maps.high),
        teacher_recorders=dict(high=_base_.teacher_maps.high),
        **_base_.distiller))
