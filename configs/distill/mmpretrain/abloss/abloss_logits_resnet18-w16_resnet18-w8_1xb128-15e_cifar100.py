_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/kd.py',
]

# The second stage: KD, from the student that the first left.
model = dict(
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/abloss_pretrain_backbone_resnet18-w16_resnet18-w8_1xb128-3e_cifar100/epoch_3.pth'  # noqa: E501
    ),
    architecture=dict(head=dict(loss=dict(loss_weight=0.1))),
    distiller=_base_.distiller)
