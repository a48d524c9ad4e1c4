# What every digits distillation shares: the pair, and where the teacher's weights are.
_base_ = ['./digits_resnet18-w16.py', './digits_resnet18-w8.py', '../datasets/digits-20_bs32.py']

model = dict(
    _scope_='mmrazor',
    type='SingleTeacherDistill',
    data_preprocessor=_base_.data_preprocessor,
    architecture=_base_.student,
    teacher=_base_.teacher,
    teacher_ckpt='work_dirs/resnet18-w16_1xb64-30e_digits/epoch_30.pth',
    distiller=dict(type='ConfigurableDistiller'))

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')
