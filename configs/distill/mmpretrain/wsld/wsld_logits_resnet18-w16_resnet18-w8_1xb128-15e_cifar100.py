_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/wsld.py',
]

_base_.distiller.distill_losses.loss_wsld.update(
    num_classes=_base_.num_classes)

model = dict(distiller=_base_.distiller)
