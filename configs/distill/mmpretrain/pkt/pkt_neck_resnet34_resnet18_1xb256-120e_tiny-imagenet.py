_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_1xb256-120e_tiny-imagenet.py',
    '../../../_base_/distillers/pkt.py',
]

model = dict(distiller=_base_.distiller)
