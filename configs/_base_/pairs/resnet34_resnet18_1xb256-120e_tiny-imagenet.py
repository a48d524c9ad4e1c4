_base_ = [
    '../models/cifar100_resnet34.py',
    '../models/cifar100_resnet18.py',
    '../models/single_teacher.py',
    '../datasets/tiny-imagenet_bs256.py',
    '../schedules/cifar100_120e.py',
    '../default_runtime.py',
]

head = dict(_base_.student.head, num_classes=_base_.num_classes)

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    architecture=dict(_base_.student, head=head),
    teacher=dict(_base_.teacher, head=head),
    teacher_ckpt='work_dirs/resnet34_1xb256-120e_tiny-imagenet/epoch_120.pth')

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')

# A pair of the paper.
kda_loss = 'published'

# How long the first stage of methods that have two is.
pretrain_epochs = 20
