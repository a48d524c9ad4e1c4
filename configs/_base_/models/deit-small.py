# As in mmpretrain's deit-small_4xb256_in1k.
teacher = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch='deit-small',
        img_size=224,
        patch_size=16),
    head=dict(
        type='mmpretrain.VisionTransformerClsHead',
        in_channels=384,
        loss=dict(type='mmpretrain.CrossEntropyLoss')))

teacher_channels = dict(feat=384)
