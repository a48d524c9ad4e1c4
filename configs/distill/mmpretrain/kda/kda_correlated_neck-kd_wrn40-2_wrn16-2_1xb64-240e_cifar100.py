_base_ = ['./kda_neck-kd_wrn40-2_wrn16-2_1xb64-240e_cifar100.py']

# Features turned by their landmarks, and correlated.
model = dict(
    distiller=dict(
        distill_losses=dict(loss_kda=_base_.kda_losses.correlated)))
