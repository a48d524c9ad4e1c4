_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/fitnets.py',
]

model = dict(
    distiller=dict(
        student_recorders=dict(mid=_base_.student_maps.mid),
        teacher_recorders=dict(mid=_base_.teacher_maps.mid),
        connectors=dict(
            hint=dict(
                type='ConvModuleConnector',
                in_channel=_base_.student_channels.mid,
                out_channel=_base_.teacher_channels.mid,
                norm_cfg=dict(type='BN'))),
        **_base_.distiller))
