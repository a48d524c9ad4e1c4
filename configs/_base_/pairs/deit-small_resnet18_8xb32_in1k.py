# A vision transformer teaches a ResNet, with the ResNet's own schedule. The teacher
# is mmpretrain's published one; it was trained and published with another resize.
_base_ = [
    '../models/deit-small.py',
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
    teacher_ckpt='https://download.openmmlab.com/mmclassification/v0/deit/deit-small_pt-4xb256_in1k_20220218-9425b9bb.pth')

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')

# Not a pair of the paper.
kda_loss = dict(neck='correlated', logits='centered')
