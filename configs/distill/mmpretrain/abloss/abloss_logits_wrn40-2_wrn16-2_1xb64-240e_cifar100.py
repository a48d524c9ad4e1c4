_base_ = [
    '../../../_base_/pairs/wrn40-2_wrn16-2_1xb64-240e_cifar100.py',
    '../../../_base_/distillers/kd.py',
]

# The second stage: KD, from the student that the first left.
model = dict(
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/abloss_pretrain_backbone_wrn40-2_wrn16-2_1xb64-30e_cifar100/epoch_30.pth'  # noqa: E501
    ),
    architecture=dict(head=dict(loss=dict(loss_weight=0.1))),
    distiller=_base_.distiller)
