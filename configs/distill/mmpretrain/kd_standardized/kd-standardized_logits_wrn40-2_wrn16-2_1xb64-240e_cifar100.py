_base_ = [
    '../../../_base_/pairs/wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/kd_standardized.py',
]

model = dict(
    architecture=dict(head=dict(loss=dict(loss_weight=0.1))),
    distiller=_base_.distiller)
