_base_ = [
    '../../../_base_/pairs/resnet18-w16_resnet18-w8_1xb128-15e_cifar100.py',
    '../../../_base_/distillers/factor_transfer_pretrain.py',
]

find_unused_parameters = True

model = dict(
    calculate_student_loss=False,
    student_trainable=False,
    distiller=dict(
        student_recorders=dict(high=_base_.student_maps.high),
        teacher_recorders=dict(high=_base_.teacher_maps.high),
        connectors=dict(
            paraphraser=dict(
                type='Paraphraser',
                phase='pretrain',
                in_channel=_base_.teacher_channels.high,
                out_channel=_base_.teacher_channels.high // 2),
            translator=dict(
                type='Translator',
                in_channel=_base_.student_channels.high,
                out_channel=_base_.teacher_channels.high // 2)),
        **_base_.distiller))

train_cfg = dict(max_epochs=_base_.pretrain_epochs)
