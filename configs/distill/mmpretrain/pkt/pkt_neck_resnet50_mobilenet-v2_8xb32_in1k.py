_base_ = [
    '../../../_base_/pairs/resnet50_mobilenet-v2_8xb32_in1k.py',
    '../../../_base_/distillers/pkt.py',
]

model = dict(distiller=_base_.distiller)
