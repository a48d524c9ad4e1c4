# mmpretrain's ImageNet-1k, read from data/imagenet.
_base_ = ['mmpretrain::_base_/datasets/imagenet_bs32.py']

num_classes = 1000

data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor', num_classes=num_classes)

train_dataloader = dict(collate_fn=dict(type='default_collate'))
val_dataloader = dict(collate_fn=dict(type='default_collate'))
test_dataloader = val_dataloader
