_base_ = ['./kda_neck-kd_resnet34_resnet18-w32_1xb256-120e_cifar100.py']

# Features turned by their landmarks, and correlated.
model = dict(
    distiller=dict(
        distill_losses=dict(loss_kda=_base_.kda_losses.correlated)))
