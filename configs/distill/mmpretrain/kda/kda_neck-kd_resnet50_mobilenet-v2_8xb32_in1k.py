_base_ = [
    './kda_neck_resnet50_mobilenet-v2_8xb32_in1k.py',
    '../../../_base_/distillers/kda_neck-kd.py',
]

model = _base_.kd_beside.in1k
