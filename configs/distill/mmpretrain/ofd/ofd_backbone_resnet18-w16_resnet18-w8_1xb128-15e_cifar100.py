_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/ofd.py',
]

model = dict(
    type='OverhaulFeatureDistillation',
    distiller=dict(
        student_recorders=_base_.student_preacts,
        teacher_recorders=_base_.teacher_preacts,
        connectors=dict({
            stage: dict(
                type='ConvModuleConnector',
                in_channel=_base_.student_preact_channels[stage],
                out_channel=_base_.teacher_preact_channels[stage],
                norm_cfg=dict(type='BN'),
                act_cfg=None)
            for stage in ('low', 'mid', 'high')
        },
            **_base_.distiller.pop('connectors')),
        **_base_.distiller))
