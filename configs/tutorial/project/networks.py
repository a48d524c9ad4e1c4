# Networks by name: what mmpretrain builds, the layer that gives the class scores, and how
# it is trained. Another network is another entry. KDA takes what enters `layer`, the
# pooled features, and KD what leaves it.
_base_ = './settings.py'

small = _base_.image_size <= 64
resnet = dict(type='ResNet_CIFAR' if small else 'ResNet')
sgd = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4)  # at batch 256
adamw = dict(type='AdamW', lr=5e-4, weight_decay=0.05)

gap = dict(type='GlobalAveragePooling')
head = dict(
    type='LinearClsHead',
    num_classes=_base_.num_classes,
    loss=dict(type='CrossEntropyLoss'),
    topk=(1, ))
vit_head = dict(head, type='VisionTransformerClsHead')

networks = dict(
    resnet18=dict(
        backbone=dict(resnet, depth=18),
        neck=gap,
        head=dict(head, in_channels=512),
        layer='head.fc',
        optimizer=sgd),
    resnet34=dict(
        backbone=dict(resnet, depth=34),
        neck=gap,
        head=dict(head, in_channels=512),
        layer='head.fc',
        optimizer=sgd),
    resnet50=dict(
        backbone=dict(resnet, depth=50),
        neck=gap,
        head=dict(head, in_channels=2048),
        layer='head.fc',
        optimizer=sgd),
    mobilenet_v2=dict(
        backbone=dict(type='MobileNetV2', widen_factor=1.0),
        neck=gap,
        head=dict(head, in_channels=1280),
        layer='head.fc',
        optimizer=sgd),
    mobilenet_v3=dict(
        backbone=dict(type='MobileNetV3', arch='small_075', out_indices=(12, )),
        neck=gap,
        head=dict(head, in_channels=432),
        layer='head.fc',
        optimizer=sgd),
    convnext_tiny=dict(
        backbone=dict(type='ConvNeXt', arch='tiny', drop_path_rate=0.1),
        neck=None,
        head=dict(head, in_channels=768),
        layer='head.fc',
        optimizer=adamw),
    vit_small=dict(
        backbone=dict(
            type='VisionTransformer',
            arch='deit-small',
            img_size=_base_.image_size,
            patch_size=4 if small else 16,
            drop_path_rate=0.1),
        neck=None,
        head=dict(vit_head, in_channels=384),
        layer='head.layers.head',
        optimizer=adamw),
    swin_tiny=dict(
        backbone=dict(
            type='SwinTransformer',
            arch='tiny',
            img_size=_base_.image_size,
            patch_size=2 if small else 4,
            window_size=4 if small else 7,
            pad_small_map=True,
            drop_path_rate=0.1),
        neck=gap,
        head=dict(head, in_channels=768),
        layer='head.fc',
        optimizer=adamw),
    # Needs timm. pretrained=True begins with timm's weights (then *_init is of no use).
    timm_resnet26=dict(
        backbone=dict(
            type='TIMMBackbone', model_name='resnet26', pretrained=False),
        neck=gap,
        head=dict(head, in_channels=2048),
        layer='head.fc',
        optimizer=sgd),
)
