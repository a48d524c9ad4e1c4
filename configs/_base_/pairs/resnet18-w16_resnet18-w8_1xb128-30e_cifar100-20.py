_base_ = [
    '../models/cifar100-20_resnet18-w16.py',
    '../models/cifar100-20_resnet18-w8.py',
    '../models/single_teacher.py',
    '../datasets/cifar100-20_bs128.py',
    '../schedules/cifar100-20_30e.py',
    '../default_runtime.py',
]

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    architecture=_base_.student,
    teacher=_base_.teacher,
    teacher_ckpt='work_dirs/resnet18-w16_1xb128-30e_cifar100-20/epoch_30.pth')

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')

# Not a pair of the paper.
kda_loss = 'centered'

# How long the first stage of methods that have two is.
pretrain_epochs = 5
