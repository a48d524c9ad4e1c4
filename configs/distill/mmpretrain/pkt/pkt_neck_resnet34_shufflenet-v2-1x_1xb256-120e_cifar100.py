_base_ = [
    '../../../_base_/pairs/resnet34_shufflenet-v2-1x_1xb256-120e_cifar100.py',
    '../../../_base_/distillers/pkt.py',
]

model = dict(distiller=_base_.distiller)
