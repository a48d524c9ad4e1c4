# ImageNet-1k, ResNet-34 to ResNet-18, mmrazor's schedule on eight GPUs. The teacher is
# mmpretrain's published checkpoint.
_base_ = ['./_base_/methods.py']

title = 'ImageNet-1k, ResNet-34 to ResNet-18'
pair = 'resnet34_resnet18_8xb32_in1k'
first_stage = 'resnet34_resnet18_8xb32-20e_in1k'
teacher = 'https://download.openmmlab.com/mmclassification/v0/resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth'  # noqa: E501
student = 'vanilla/mmpretrain/in1k/resnet18_8xb32_in1k.py'

# CRD's memory of 1.3 million images and their negatives do not fit; one seed, as usual.
# CKA of both, and KDA as published and centred, have no config for this pair.
methods = dict({'CRD': None, 'CKA both': None, 'KDA as published': None, 'KDA centred': None})
seeds = 1
ranks = 8
