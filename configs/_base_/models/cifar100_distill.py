# What every CIFAR-100 distillation shares: the pair, and where the teacher's
# weights are.
_base_ = [
    './cifar100_resnet34.py',
    './cifar100_resnet18.py',
    '../datasets/cifar100_bs256.py',
]

model = dict(
    _scope_='mmrazor',
    type='SingleTeacherDistill',
    data_preprocessor=_base_.data_preprocessor,
    architecture=_base_.student,
    teacher=_base_.teacher,
    teacher_ckpt='work_dirs/resnet34_1xb256-120e_cifar100/epoch_120.pth',
    distiller=dict(type='ConfigurableDistiller'))

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')
