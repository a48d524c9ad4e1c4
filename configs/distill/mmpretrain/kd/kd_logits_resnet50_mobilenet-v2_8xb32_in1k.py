_base_ = [
    '../../../_base_/pairs/resnet50_mobilenet-v2_8xb32_in1k.py',
    '../../../_base_/distillers/kd.py',
]

# As in mmrazor's own configs for ImageNet.
_base_.distiller.distill_losses.loss_kl.update(tau=1, loss_weight=3)

model = dict(distiller=_base_.distiller)
