# Half as wide: 256 features.
student = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='mmpretrain.ResNet_CIFAR',
        depth=18,
        stem_channels=32,
        base_channels=32),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        type='mmpretrain.LinearClsHead',
        in_channels=256,
        loss=dict(type='mmpretrain.CrossEntropyLoss')))

# Where the methods that look inside record: maps of the last three stages, what
# enters a ReLU of their last blocks, and how many channels each has.
student_maps = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer2'),
    mid=dict(type='ModuleOutputs', source='backbone.layer3'),
    high=dict(type='ModuleOutputs', source='backbone.layer4'),
)
student_preacts = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer2.1.bn1'),
    mid=dict(type='ModuleOutputs', source='backbone.layer3.1.bn1'),
    high=dict(type='ModuleOutputs', source='backbone.layer4.1.bn1'),
)
student_channels = dict(low=64, mid=128, high=256, feat=256)
student_preact_channels = dict(low=64, mid=128, high=256)
