_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/abloss.py',
]

find_unused_parameters = True

model = dict(
    calculate_student_loss=False,
    distiller=dict(
        student_recorders=_base_.student_preacts,
        teacher_recorders=_base_.teacher_preacts,
        connectors={
            stage: dict(
                type='ConvModuleConnector',
                in_channel=_base_.student_preact_channels[stage],
                out_channel=_base_.teacher_preact_channels[stage],
                norm_cfg=dict(type='BN'),
                act_cfg=None)
            for stage in ('low', 'mid', 'high')
        },
        **_base_.distiller))

train_cfg = dict(max_epochs=_base_.pretrain_epochs)
