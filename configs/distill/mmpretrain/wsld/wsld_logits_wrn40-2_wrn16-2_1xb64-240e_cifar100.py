_base_ = [
    '../../../_base_/pairs/wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/wsld.py',
]

_base_.distiller.distill_losses.loss_wsld.update(
    num_classes=_base_.num_classes)

model = dict(distiller=_base_.distiller)
