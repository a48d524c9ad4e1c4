_base_ = ['./kda_neck_resnet34_resnet18-w32_1xb256-120e_cifar100.py']

# Not as published.
model = dict(
    distiller=dict(
        distill_losses=dict(loss_kda=_base_.kda_losses.centered)))
