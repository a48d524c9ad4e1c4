# What all trainings share: images, validation, and the schedule of the students.
_base_ = './networks.py'

size = _base_.image_size
data_preprocessor = dict(
    type='ClsDataPreprocessor',
    num_classes=_base_.num_classes,
    mean=[123.675, 116.28, 103.53],  # of ImageNet, as most weights to begin with have seen
    std=[58.395, 57.12, 57.375],
    to_rgb=True)

# Images of any size. Large ones as ImageNet's, small ones as CIFAR's.
load, pack = dict(type='LoadImageFromFile'), dict(type='PackInputs')
if size <= 64:
    square = dict(type='Resize', scale=(size, size))
    train_pipeline = [load, square, dict(type='RandomCrop', crop_size=size, padding=size // 8)]
    test_pipeline = [load, square, pack]
else:
    train_pipeline = [load, dict(type='RandomResizedCrop', scale=size)]
    test_pipeline = [
        load,
        dict(type='ResizeEdge', scale=size * 8 // 7, edge='short'),
        dict(type='CenterCrop', crop_size=size), pack
    ]
train_pipeline = train_pipeline + [dict(type='RandomFlip', prob=0.5), pack]

images = dict(
    type='CustomDataset',
    data_root=_base_.data_root,
    metainfo=dict(classes=_base_.classes))
loader = dict(
    num_workers=_base_.num_workers,
    persistent_workers=_base_.num_workers > 0,
    collate_fn=dict(type='default_collate'))
train_dataloader = dict(
    loader,
    batch_size=_base_.batch_size,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(images, data_prefix=_base_.train, pipeline=train_pipeline))
val_dataloader = dict(
    loader,
    batch_size=2 * _base_.batch_size,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(images, data_prefix=_base_.val, test_mode=True, pipeline=test_pipeline))
val_evaluator = dict(type='Accuracy', topk=(1, ))
test_dataloader, test_evaluator = val_dataloader, val_evaluator
val_cfg, test_cfg = dict(), dict()

# The student, with its weights to begin with, alone and in every method.
of_student = _base_.networks[_base_.student]
student_backbone = dict(of_student.backbone)
if _base_.student_init:
    student_backbone['init_cfg'] = dict(_base_.student_init, type='Pretrained')
student_network = dict(
    type='ImageClassifier',
    backbone=student_backbone,
    neck=of_student.neck,
    head=of_student.head)

# Learning rates go with the batch; weights to begin with are changed a tenth as fast.
share = _base_.batch_size / 256
teacher_optimizer = dict(_base_.networks[_base_.teacher].optimizer)
teacher_optimizer['lr'] *= share * (0.1 if _base_.teacher_init else 1)
optimizer = dict(of_student.optimizer)
optimizer['lr'] *= share * (0.1 if _base_.student_init else 1)

optim_wrapper = dict(type='OptimWrapper', optimizer=optimizer)
# A twentieth of the epochs linear warm-up, then cosine to 0.
teacher_scheduler, param_scheduler = [
    [dict(type='LinearLR', start_factor=0.01, end=n // 20, convert_to_iter_based=True)] *
    (n >= 20) + [
        dict(
            type='CosineAnnealingLR',
            T_max=n - n // 20,
            begin=n // 20,
            end=n,
            convert_to_iter_based=True)
    ] for n in (_base_.teacher_epochs, _base_.epochs)
]
train_cfg = dict(
    by_epoch=True, max_epochs=_base_.epochs, val_interval=max(_base_.epochs // 10, 1))
auto_scale_lr = dict(base_batch_size=_base_.batch_size)
