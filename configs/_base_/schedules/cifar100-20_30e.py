# The authors' CIFAR-100 schedule in a quarter of the epochs: five of them linear
# warm-up, then cosine to 0; the learning rate goes with the batch of 128.
_base_ = ['./cifar100_120e.py']

optim_wrapper = dict(optimizer=dict(lr=0.05))

param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=30, T_max=25)

train_cfg = dict(max_epochs=30, val_interval=5)

auto_scale_lr = dict(base_batch_size=128)
