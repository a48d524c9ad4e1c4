_base_ = [
    './kda_neck_wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/kda_neck-kd.py',
]

model = _base_.kd_beside.cifar
