_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_1xb256-120e_tiny-imagenet.py',
    '../../../_base_/distillers/kd_standardized.py',
]

model = dict(
    architecture=dict(head=dict(loss=dict(loss_weight=0.1))),
    distiller=_base_.distiller)
