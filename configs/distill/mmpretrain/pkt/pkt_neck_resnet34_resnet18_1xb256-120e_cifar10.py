_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_1xb256-120e_cifar10.py',
    '../../../_base_/distillers/pkt.py',
]

model = dict(distiller=_base_.distiller)
