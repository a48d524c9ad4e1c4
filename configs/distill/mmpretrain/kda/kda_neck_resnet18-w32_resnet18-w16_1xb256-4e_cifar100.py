# A pair and a schedule small enough to look at CIFAR-100 features on a CPU: some
# minutes an epoch; one epoch of warm-up, then cosine to 0.
_base_ = ['./kda_neck_resnet34_resnet18_1xb256-120e_cifar100.py']

model = dict(
    architecture=dict(
        backbone=dict(stem_channels=16, base_channels=16),
        head=dict(in_channels=128)),
    teacher=dict(
        backbone=dict(depth=18, stem_channels=32, base_channels=32),
        head=dict(in_channels=256)),
    teacher_ckpt='work_dirs/resnet18-w32_1xb256-4e_cifar100/epoch_4.pth',
    # Not a pair of the paper.
    distiller=dict(
        distill_losses=dict(loss_kda=_base_.kda_losses.correlated)))

param_scheduler = _base_.param_scheduler
param_scheduler[0].update(end=1)
param_scheduler[1].update(begin=1, end=4, T_max=3)
train_cfg = dict(max_epochs=4)

custom_hooks = [
    dict(type='LandmarkHook', warmup_epochs=1),
    dict(type='KernelMonitorHook'),
]
