# A network and a schedule small enough to look at CIFAR-100 features on a CPU:
# some minutes an epoch; one epoch of warm-up, then cosine to 0.
_base_ = ['./resnet18_1xb256-120e_cifar100.py']

model = dict(
    backbone=dict(stem_channels=32, base_channels=32),
    head=dict(in_channels=256))

param_scheduler = _base_.param_scheduler
param_scheduler[0].update(end=1)
param_scheduler[1].update(begin=1, end=4, T_max=3)
train_cfg = dict(max_epochs=4)
