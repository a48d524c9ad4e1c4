_base_ = [
    '../models/resnet18-w16_cifar.py',
    '../models/resnet18-w8_cifar.py',
    '../models/single_teacher.py',
    '../datasets/cifar100_bs128.py',
    '../schedules/cifar100_15e.py',
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
    teacher_ckpt='work_dirs/resnet18-w16_1xb128-30e_cifar100/epoch_30.pth')

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')

# Not a pair of the paper.
kda_loss = dict(neck='correlated', logits='centered')

# How long the first stage of methods that have two is.
pretrain_epochs = 3
