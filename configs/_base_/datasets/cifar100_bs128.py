# All of CIFAR-100, in the batches of the small networks.
_base_ = ['./cifar100_bs256.py']

train_dataloader = dict(batch_size=128, num_workers=1)
val_dataloader = dict(num_workers=1)
test_dataloader = val_dataloader
