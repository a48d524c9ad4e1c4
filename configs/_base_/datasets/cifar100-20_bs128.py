# The first 20 classes of CIFAR-100: 10,000 training and 2,000 test images.
_base_ = ['./cifar100_bs256.py']

num_classes = 20
train_images = 10000

data_preprocessor = dict(num_classes=num_classes)

train_dataloader = dict(
    batch_size=128, dataset=dict(num_classes=num_classes))
val_dataloader = dict(dataset=dict(num_classes=num_classes))
test_dataloader = val_dataloader
