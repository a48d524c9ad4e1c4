_base_ = [
    '../../../_base_/pairs/wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/pkt.py',
]

model = dict(distiller=_base_.distiller)
