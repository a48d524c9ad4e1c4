_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_1xb256-120e_tiny-imagenet.py',
    '../../../_base_/distillers/kda.py',
]

_base_.distiller.distill_losses.loss_kda.update(
    **_base_.kda_losses[_base_.kda_loss.neck])
_base_.distiller.distill_losses.loss_kda.landmarks.update(
    num_landmarks=_base_.num_classes)

model = dict(distiller=_base_.distiller)
