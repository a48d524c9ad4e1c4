_base_ = [
    '../models/wrn40-2_cifar.py',
    '../models/wrn16-2_cifar.py',
    '../models/single_teacher.py',
    '../datasets/cifar100_bs64.py',
    '../schedules/cifar100_240e.py',
    '../default_runtime.py',
]

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    architecture=dict(
        _base_.student,
        head=dict(_base_.student.head, num_classes=_base_.num_classes)),
    teacher=dict(
        _base_.teacher,
        head=dict(_base_.teacher.head, num_classes=_base_.num_classes)),
    teacher_ckpt='work_dirs/wrn40-2_1xb64-240e_cifar100/epoch_240.pth')

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')

# Not a pair of the paper.
kda_loss = dict(neck='correlated', logits='centered')

# How long the first stage of methods that have two is.
pretrain_epochs = 30
