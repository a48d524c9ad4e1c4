_base_ = [
    '../../../_base_/pairs/deit-small_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/dist.py',
]

# The teacher's classifier has another name.
_base_.distiller.teacher_recorders.logits.update(source='head.layers.head')

# The papers' values for ImageNet, as in mmrazor's own configs.
_base_.distiller.distill_losses.loss_dist.update(tau=1)

model = dict(distiller=_base_.distiller)
