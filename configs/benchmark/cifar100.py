# CIFAR-100 as the paper runs it, ResNet-34 to ResNet-18. For its other students copy
# this file, change the pair and the student, and give the new file's path.
_base_ = ['./_base_/methods.py']

title = 'CIFAR-100, ResNet-34 to ResNet-18'
pair = 'resnet34_resnet18_1xb256-120e_cifar100'
first_stage = 'resnet34_resnet18_1xb256-20e_cifar100'
teacher = 'vanilla/mmpretrain/cifar100/resnet34_1xb256-120e_cifar100.py'
student = 'vanilla/mmpretrain/cifar100/resnet18_1xb256-120e_cifar100.py'

# On the paper's own pair the plain names have the loss as published; the paper calls them so.
methods = dict({
    'KDA as published': None,
    'KDA pre-FC': 'kda/kda_neck',
    'KDA + KD': 'kda/kda_neck-kd',
    'KDA correlated': 'kda/kda_correlated_neck',
    'KDA correlated + KD': 'kda/kda_correlated_neck-kd',
})
