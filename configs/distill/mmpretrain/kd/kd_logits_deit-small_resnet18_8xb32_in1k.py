_base_ = [
    '../../../_base_/pairs/deit-small_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/kd.py',
]

# The teacher's classifier has another name.
_base_.distiller.teacher_recorders.logits.update(source='head.layers.head')

# As in mmrazor's own configs for ImageNet.
_base_.distiller.distill_losses.loss_kl.update(tau=1, loss_weight=3)

model = dict(distiller=_base_.distiller)
