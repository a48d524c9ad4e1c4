_base_ = ['./kda_neck-kd_resnet50_mobilenet-v2_8xb32_in1k.py']

# Features turned by their landmarks, and correlated.
model = dict(
    distiller=dict(
        distill_losses=dict(loss_kda=_base_.kda_losses.correlated)))
