_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_8xb32_in1k.py',
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
