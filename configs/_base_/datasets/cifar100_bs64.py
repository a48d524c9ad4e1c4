_base_ = ['./cifar100_bs256.py']

train_dataloader = dict(batch_size=64)
