_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_1xb256-120e_tiny-imagenet.py',
    '../../../_base_/distillers/at.py',
]

model = dict(
    distiller=dict(
        student_recorders=_base_.student_maps,
        teacher_recorders=_base_.teacher_maps,
        **_base_.distiller))
