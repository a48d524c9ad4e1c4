teacher = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(type='mmpretrain.ResNet_CIFAR', depth=34),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        type='mmpretrain.LinearClsHead',
        in_channels=512,
        loss=dict(type='mmpretrain.CrossEntropyLoss')))

# Where the methods that look inside record: maps of the last three stages, what
# enters a ReLU of their last blocks, and how many channels each has.
teacher_maps = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer2'),
    mid=dict(type='ModuleOutputs', source='backbone.layer3'),
    high=dict(type='ModuleOutputs', source='backbone.layer4'),
)
teacher_preacts = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer2.3.bn1'),
    mid=dict(type='ModuleOutputs', source='backbone.layer3.5.bn1'),
    high=dict(type='ModuleOutputs', source='backbone.layer4.2.bn1'),
)
teacher_channels = dict(low=128, mid=256, high=512, feat=512)
teacher_preact_channels = dict(low=128, mid=256, high=512)
