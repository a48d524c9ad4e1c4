_base_ = ['./kda_neck_deit-small_resnet18_8xb32_in1k.py']

# Features turned by their landmarks, and correlated.
model = dict(
    distiller=dict(
        distill_losses=dict(loss_kda=_base_.kda_losses.correlated)))
