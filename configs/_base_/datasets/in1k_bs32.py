# mmpretrain's ImageNet-1k, read from data/imagenet.
_base_ = ['mmpretrain::_base_/datasets/imagenet_bs32.py']

num_classes = 1000

data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor', num_classes=num_classes)
