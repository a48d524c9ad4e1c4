_base_ = [
    '../models/resnet34_cifar.py',
    '../models/resnet18-w32_cifar.py',
    '../models/single_teacher.py',
    '../datasets/cifar100_bs256.py',
    '../schedules/cifar100_120e.py',
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
    teacher_ckpt='work_dirs/resnet34_1xb256-120e_cifar100/epoch_120.pth')

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')

# A pair of the paper.
kda_loss = dict(neck='published', logits='published')

# How long the first stage of methods that have two is.
pretrain_epochs = 20
