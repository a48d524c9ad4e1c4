# 20 classes of CIFAR-100 and small networks: a night on a CPU, minutes on a GPU.
_base_ = ['./_base_/methods.py']

title = 'CIFAR-100, 20 classes'
pair = 'resnet18-w16_resnet18-w8_1xb128-30e_cifar100-20'
first_stage = 'resnet18-w16_resnet18-w8_1xb128-5e_cifar100-20'
teacher = 'vanilla/mmpretrain/cifar100-20/resnet18-w16_1xb128-30e_cifar100-20.py'
student = 'vanilla/mmpretrain/cifar100-20/resnet18-w8_1xb128-30e_cifar100-20.py'
