# As CIFAR-100, with the mean and deviation of CIFAR-10.
_base_ = ['./cifar100_bs256.py']

num_classes = 10

data_preprocessor = dict(
    num_classes=num_classes,
    # (0.4914, 0.4822, 0.4465) and (0.2470, 0.2435, 0.2616), times 255
    mean=[125.307, 122.961, 113.8575],
    std=[62.985, 62.0925, 66.708])

train_dataloader = dict(
    dataset=dict(type='CIFAR10Images', data_root='data/cifar10'))
val_dataloader = dict(
    dataset=dict(type='CIFAR10Images', data_root='data/cifar10'))
test_dataloader = val_dataloader
