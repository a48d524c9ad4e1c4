# CIFAR-100 as the authors' code reads it: class folders data/cifar100/{train,test}
# if they are there, else the archive, which downloads itself. BGR, as from a file.
num_classes = 100
train_images = 50000

data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    num_classes=num_classes,
    # (0.5071, 0.4867, 0.4408) and (0.2675, 0.2565, 0.2761), times 255
    mean=[129.3105, 124.1085, 112.404],
    std=[68.2125, 65.4075, 70.4055],
    to_rgb=True)

train_pipeline = [
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='PackInputs')]

# Images in memory, cropped and flipped a batch at a time, come faster than processes of
# their own could hand them over.
train_dataloader = dict(
    batch_size=256,
    num_workers=0,
    persistent_workers=False,
    collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CIFAR100Images',
        data_root='data/cifar100',
        split='train',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=256,
    num_workers=0,
    persistent_workers=False,
    collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CIFAR100Images',
        data_root='data/cifar100',
        split='test',
        pipeline=test_pipeline))
val_evaluator = dict(type='Accuracy', topk=(1, 5))

test_dataloader = val_dataloader
test_evaluator = val_evaluator

# The same through mmpretrain's CustomDataset, for the configs whose names end in
# -folder; it needs the class folders. It reads a file for each image.
folder_loader = dict(num_workers=4, persistent_workers=True)
folder_preprocessor = dict(to_rgb=True)
folder_train = dict(
    type='CustomDataset',
    data_root='data/cifar100',
    data_prefix='train',
    pipeline=[dict(type='LoadImageFromFile'), *train_pipeline])
folder_test = dict(
    type='CustomDataset',
    data_root='data/cifar100',
    data_prefix='test',
    pipeline=[dict(type='LoadImageFromFile'), *test_pipeline])
