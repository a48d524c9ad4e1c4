_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/pkt.py',
]

model = dict(distiller=_base_.distiller)
