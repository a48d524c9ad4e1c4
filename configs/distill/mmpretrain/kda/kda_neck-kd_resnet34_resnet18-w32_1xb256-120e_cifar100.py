_base_ = [
    './kda_neck_resnet34_resnet18-w32_1xb256-120e_cifar100.py',
    '../../../_base_/distillers/kda_neck-kd.py',
]

model = _base_.kd_beside.cifar
