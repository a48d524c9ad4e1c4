_base_ = [
    './kda_neck_resnet34_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/kda_neck-kd.py',
]

model = _base_.kd_beside.in1k
