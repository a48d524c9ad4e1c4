# mmrazor's own schedule: mmpretrain's for the student, 300 epochs, eight ranks of 32
# images. The teacher is mmpretrain's published one.
_base_ = [
    '../models/resnet50.py',
    '../models/mobilenet-v2.py',
    '../models/single_teacher.py',
    '../datasets/in1k_bs32.py',
    'mmpretrain::_base_/schedules/imagenet_bs256_epochstep.py',
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
    teacher_ckpt='https://download.openmmlab.com/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth')

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')

# Not a pair of the paper.
kda_loss = dict(neck='correlated', logits='centered')

# How long the first stage of methods that have two is.
pretrain_epochs = 20
