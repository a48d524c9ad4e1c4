# What tools/analysis/feature_quality.py --probe reads: the 80 classes of CIFAR-100 that the
# networks of cifar100-20 have never seen, without augmentation.
_base_ = ['../../_base_/datasets/cifar100_bs256.py']

num_classes = 80
others = dict(num_classes=num_classes, first_class=20)

data_preprocessor = dict(num_classes=num_classes)

train_dataloader = dict(dataset=dict(others, pipeline=_base_.test_pipeline))
val_dataloader = dict(dataset=others)
test_dataloader = val_dataloader
