_base_ = [
    '../../../_base_/pairs/resnet50_mobilenet-v2_8xb32_in1k.py',
    '../../../_base_/distillers/at.py',
]

model = dict(
    distiller=dict(
        student_recorders=_base_.student_maps,
        teacher_recorders=_base_.teacher_maps,
        **_base_.distiller))
