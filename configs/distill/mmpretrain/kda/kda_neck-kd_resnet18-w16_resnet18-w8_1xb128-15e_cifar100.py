_base_ = [
    './kda_neck_resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/kda_neck-kd.py',
]

model = _base_.kd_beside.cifar
