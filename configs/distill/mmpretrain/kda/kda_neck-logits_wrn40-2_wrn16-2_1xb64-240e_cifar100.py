_base_ = [
    './kda_neck_wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/kda_neck-logits.py',
]

_base_.on_logits.distiller.distill_losses.loss_kda_logits.update(
    **_base_.kda_losses[_base_.kda_loss.logits])
_base_.on_logits.distiller.distill_losses.loss_kda_logits.landmarks.update(
    num_landmarks=_base_.num_classes)

model = _base_.on_logits
