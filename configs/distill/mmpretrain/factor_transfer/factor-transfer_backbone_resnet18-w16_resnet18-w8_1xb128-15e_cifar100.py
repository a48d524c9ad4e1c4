_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/factor_transfer.py',
]

find_unused_parameters = True

model = dict(
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/factor-transfer_pretrain_backbone_resnet18-w16_resnet18-w8_1xb128-3e_cifar100/epoch_3.pth'  # noqa: E501
    ),
    distiller=dict(
        student_recorders=dict(high=_base_.student_maps.high),
        teacher_recorders=dict(high=_base_.teacher_maps.high),
        connectors=dict(
            paraphraser=dict(
                type='Paraphraser',
                phase='train',
                in_channel=_base_.teacher_channels.high,
                out_channel=_base_.teacher_channels.high // 2),
            translator=dict(
                type='Translator',
                in_channel=_base_.student_channels.high,
                out_channel=_base_.teacher_channels.high // 2)),
        **_base_.distiller))
