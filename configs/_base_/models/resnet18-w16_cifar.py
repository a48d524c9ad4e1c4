# A quarter as wide: 128 features.
teacher = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='mmpretrain.ResNet_CIFAR',
        depth=18,
        stem_channels=16,
        base_channels=16),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        type='mmpretrain.LinearClsHead',
        in_channels=128,
        loss=dict(type='mmpretrain.CrossEntropyLoss')))

# Where the methods that look inside record: maps of the last three stages, what
# enters a ReLU of their last blocks, and how many channels each has.
teacher_maps = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer2'),
    mid=dict(type='ModuleOutputs', source='backbone.layer3'),
    high=dict(type='ModuleOutputs', source='backbone.layer4'),
)
teacher_preacts = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer2.1.bn1'),
    mid=dict(type='ModuleOutputs', source='backbone.layer3.1.bn1'),
    high=dict(type='ModuleOutputs', source='backbone.layer4.1.bn1'),
)
teacher_channels = dict(low=32, mid=64, high=128, feat=128)
teacher_preact_channels = dict(low=32, mid=64, high=128)
