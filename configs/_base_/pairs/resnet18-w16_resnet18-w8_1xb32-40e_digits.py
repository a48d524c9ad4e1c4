_base_ = [
    '../models/digits_resnet18-w16.py',
    '../models/digits_resnet18-w8.py',
    '../models/single_teacher.py',
    '../datasets/digits-20_bs32.py',
    '../schedules/digits_40e.py',
    '../default_runtime.py',
]

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    architecture=_base_.student,
    teacher=_base_.teacher,
    teacher_ckpt='work_dirs/resnet18-w16_1xb64-30e_digits/epoch_30.pth')

val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')

# Not the paper's pair: centred alignment with the landmarks, which has no scale.
kda_loss = dict(preset='landmark_cka', loss_weight=3)

# How long the first stage of methods that have two is.
pretrain_epochs = 7
