_base_ = ['./kda_neck-kd_resnet18-w16_resnet18-w8_1xb32-40e_digits.py']

# Features turned by their landmarks, and correlated.
model = dict(
    distiller=dict(
        distill_losses=dict(loss_kda=_base_.kda_losses.correlated)))
