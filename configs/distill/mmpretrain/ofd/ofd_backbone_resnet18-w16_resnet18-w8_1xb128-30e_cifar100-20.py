_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-30e_cifar100-20.py',
    '../../../_base_/distillers/ofd.py',
]

model = dict(
    type='OverhaulFeatureDistillation',
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
            low_teacher=dict(type='OFDTeacherConnector'),
            mid_teacher=dict(type='OFDTeacherConnector'),
            high_teacher=dict(type='OFDTeacherConnector')),
        **_base_.distiller))
