_base_ = [
    '../../../_base_/pairs/wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/kda.py',
]

_base_.distiller.distill_losses.loss_kda.update(
    **_base_.kda_losses[_base_.kda_loss.neck])
_base_.distiller.distill_losses.loss_kda.landmarks.update(
    num_landmarks=_base_.num_classes)

model = dict(distiller=_base_.distiller)
