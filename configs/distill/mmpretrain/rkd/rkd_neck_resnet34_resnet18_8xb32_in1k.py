_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/rkd.py',
]

# As in mmrazor's own config for ImageNet.
for loss in _base_.distiller.distill_losses.values():
    loss.update(with_l2_norm=True)
del loss

model = dict(distiller=_base_.distiller)
