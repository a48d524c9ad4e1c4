_base_ = [
    '../../../_base_/pairs/resnet34_shufflenet-v2-1x_1xb256-120e_cifar100.py',
    '../../../_base_/distillers/kd_standardized.py',
]

model = dict(
    architecture=dict(head=dict(loss=dict(loss_weight=0.1))),
    distiller=_base_.distiller)
