# mmrazor's own schedule: mmpretrain's for the student, eight ranks of 32 images.
# The teacher is mmpretrain's published one.
_base_ = [
    '../models/resnet34.py',
    '../models/resnet18.py',
    '../models/single_teacher.py',
    '../datasets/in1k_bs32.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
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
    teacher_ckpt='https://download.openmmlab.com/mmclassification/v0/resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth')

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')

# Not a pair of the paper.
kda_loss = dict(neck='correlated', logits='centered')

# How long the first stage of methods that have two is.
pretrain_epochs = 20
