_base_ = [
    '../../../_base_/pairs/resnet50_mobilenet-v2_8xb32_in1k.py',
    '../../../_base_/distillers/kd_standardized.py',
]

model = dict(
    architecture=dict(head=dict(loss=dict(loss_weight=0.1))),
    distiller=_base_.distiller)
