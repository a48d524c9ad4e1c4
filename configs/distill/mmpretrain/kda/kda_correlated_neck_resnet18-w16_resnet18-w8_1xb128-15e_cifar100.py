_base_ = ['./kda_neck_resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py']

# Features turned by their landmarks, and correlated.
model = dict(
    distiller=dict(
        distill_losses=dict(loss_kda=_base_.kda_losses.correlated)))
