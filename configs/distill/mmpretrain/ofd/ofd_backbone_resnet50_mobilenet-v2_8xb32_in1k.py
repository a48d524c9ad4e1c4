_base_ = [
    '../../../_base_/pairs/resnet50_mobilenet-v2_8xb32_in1k.py',
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
