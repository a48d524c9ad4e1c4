_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb32-40e_digits.py',
    '../../../_base_/distillers/kda.py',
]

# The loss of the paper, with the weight of the authors' code.
_base_.distiller.distill_losses.loss_kda.update(loss_weight=0.04)
_base_.distiller.distill_losses.loss_kda.landmarks.update(
    num_landmarks=_base_.num_classes)

model = dict(distiller=_base_.distiller)
