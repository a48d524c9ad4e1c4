_base_ = [
    '../../../_base_/pairs/resnet34_shufflenet-v2-1x_1xb256-120e_cifar100.py',
    '../../../_base_/distillers/abloss.py',
]

find_unused_parameters = True

model = dict(
    calculate_student_loss=False,
    distiller=dict(
        student_recorders=_base_.student_preacts,
        teacher_recorders=_base_.teacher_preacts,
        connectors=dict(
            low=dict(
                type='ConvModuleConnector',
                in_channel=_base_.student_preact_channels.low,
                out_channel=_base_.teacher_preact_channels.low,
                norm_cfg=dict(type='BN'),
                act_cfg=None),
            mid=dict(
                type='ConvModuleConnector',
                in_channel=_base_.student_preact_channels.mid,
                out_channel=_base_.teacher_preact_channels.mid,
                norm_cfg=dict(type='BN'),
                act_cfg=None),
            high=dict(
                type='ConvModuleConnector',
                in_channel=_base_.student_preact_channels.high,
                out_channel=_base_.teacher_preact_channels.high,
                norm_cfg=dict(type='BN'),
                act_cfg=None),
        ),
        **_base_.distiller))

train_cfg = dict(max_epochs=_base_.pretrain_epochs)
