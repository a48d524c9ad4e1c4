_base_ = [
    './kda_neck_deit-small_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/kda_neck-logits.py',
]

_base_.on_logits.distiller.distill_losses.loss_kda_logits.update(
    **_base_.kda_losses[_base_.kda_loss.logits])
_base_.on_logits.distiller.distill_losses.loss_kda_logits.landmarks.update(
    num_landmarks=_base_.num_classes)
_base_.on_logits.distiller.teacher_recorders.logits.update(
    source='head.layers.head')

model = _base_.on_logits
