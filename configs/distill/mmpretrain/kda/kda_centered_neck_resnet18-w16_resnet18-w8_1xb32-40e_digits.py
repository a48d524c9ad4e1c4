_base_ = ['./kda_neck_resnet18-w16_resnet18-w8_1xb32-40e_digits.py']

# Centred alignment with the landmarks.
model = dict(
    distiller=dict(
        distill_losses=dict(loss_kda=_base_.kda_losses.centered)))
