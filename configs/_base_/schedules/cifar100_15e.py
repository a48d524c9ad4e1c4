# The authors' CIFAR-100 schedule in an eighth of the epochs: one of them linear warm-up,
# then cosine to 0; the learning rate goes with the batch of 128. For two CPU cores.
_base_ = ['./cifar100_120e.py']

optim_wrapper = dict(optimizer=dict(lr=0.05))

param_scheduler = _base_.param_scheduler
param_scheduler[0].update(end=1)
param_scheduler[1].update(begin=1, end=15, T_max=14)

train_cfg = dict(max_epochs=15, val_interval=5)

auto_scale_lr = dict(base_batch_size=128)
