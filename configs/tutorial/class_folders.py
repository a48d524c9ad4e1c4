# Your images in class folders, your teacher: copy this file, change the four values.
# ImageNet's augmentation and sizes, KDA on the pooled features of ResNets.
_base_ = 'mmnystrom::distill/mmpretrain/kda/kda_neck_resnet34_resnet18_8xb32_in1k.py'

num_classes = 37
data_root = 'data/my_images'  # train/<class>/*.jpg and test/<class>/*.jpg
teacher_ckpt = 'my_teacher.pth'  # of mmpretrain's ResNet-34 with num_classes classes
max_epochs = 100

batch_size = 64
head = dict(num_classes=num_classes, topk=(1, ))
model = dict(
    data_preprocessor=dict(num_classes=num_classes),
    architecture=dict(head=head),
    teacher=dict(head=head),
    teacher_ckpt=teacher_ckpt,
    distiller=dict(
        distill_losses=dict(
            loss_kda=dict(landmarks=dict(num_landmarks=num_classes)))))
# The first epochs go without it: five of a hundred, as the authors do.
custom_hooks = [
    dict(type='LandmarkHook', warmup_epochs=max_epochs // 20),
]

images = dict(_delete_=True, type='CustomDataset', data_root=data_root)
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        images, data_prefix='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(images, data_prefix='test', pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1, ))
test_evaluator = val_evaluator

# Cosine to 0; for one GPU.
optim_wrapper = dict(optimizer=dict(lr=0.1 * batch_size / 256))
param_scheduler = dict(
    _delete_=True,
    type='CosineAnnealingLR',
    T_max=max_epochs,
    by_epoch=True,
    convert_to_iter_based=True)
train_cfg = dict(max_epochs=max_epochs)
auto_scale_lr = dict(base_batch_size=batch_size)
