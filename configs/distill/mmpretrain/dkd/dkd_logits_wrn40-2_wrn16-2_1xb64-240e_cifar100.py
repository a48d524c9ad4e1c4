_base_ = [
    '../../../_base_/pairs/wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/dkd.py',
]

# The authors' beta for this pair.
_base_.distiller.distill_losses.loss_dkd.update(beta=6)

model = dict(distiller=_base_.distiller)
