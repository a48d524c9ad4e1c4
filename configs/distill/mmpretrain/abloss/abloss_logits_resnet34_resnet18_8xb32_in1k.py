_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/kd.py',
]

# The second stage: KD, from the student that the first left.
# As in mmrazor's own configs for ImageNet.
_base_.distiller.distill_losses.loss_kl.update(tau=1, loss_weight=3)

model = dict(
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/abloss_pretrain_backbone_resnet34_resnet18_8xb32-20e_in1k/epoch_20.pth'  # noqa: E501
    ),
    distiller=_base_.distiller)
