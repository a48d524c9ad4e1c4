_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/wsld.py',
]

_base_.distiller.distill_losses.loss_wsld.update(
    num_classes=_base_.num_classes)

# The papers' values for ImageNet, as in mmrazor's own configs.
_base_.distiller.distill_losses.loss_wsld.update(tau=2, loss_weight=2.5)

model = dict(distiller=_base_.distiller)
