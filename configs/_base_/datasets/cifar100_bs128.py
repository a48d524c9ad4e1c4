# All of CIFAR-100, in the batches of the small networks.
_base_ = ['./cifar100_bs256.py']

train_dataloader = dict(batch_size=128)
