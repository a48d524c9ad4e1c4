teacher = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='mmrazor.WideResNet', depth=40, num_stages=3, widen_factor=2),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        type='mmpretrain.LinearClsHead',
        in_channels=128,
        loss=dict(type='mmpretrain.CrossEntropyLoss')))

# Where the methods that look inside record: maps of the last three stages, what
# enters a ReLU of their last blocks, and how many channels each has.
teacher_maps = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer1'),
    mid=dict(type='ModuleOutputs', source='backbone.layer2'),
    high=dict(type='ModuleOutputs', source='backbone.layer3'),
)
teacher_preacts = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer2.0.bn1'),
    mid=dict(type='ModuleOutputs', source='backbone.layer3.0.bn1'),
    high=dict(type='ModuleOutputs', source='backbone.bn1'),
)
teacher_channels = dict(low=32, mid=64, high=128, feat=128)
teacher_preact_channels = dict(low=32, mid=64, high=128)
