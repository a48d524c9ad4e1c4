student = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(type='mmpretrain.ShuffleNetV2_CIFAR', widen_factor=1.0),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        type='mmpretrain.LinearClsHead',
        in_channels=1024,
        loss=dict(type='mmpretrain.CrossEntropyLoss')))

# Where the methods that look inside record: maps of the last three stages, what
# enters a ReLU of their last blocks, and how many channels each has.
student_maps = dict(
    low=dict(type='ModuleOutputs', source='backbone.layers.0'),
    mid=dict(type='ModuleOutputs', source='backbone.layers.1'),
    high=dict(type='ModuleOutputs', source='backbone.layers.2'),
)
student_preacts = dict(
    low=dict(type='ModuleOutputs', source='backbone.layers.0.3.branch2.2.bn'),
    mid=dict(type='ModuleOutputs', source='backbone.layers.1.7.branch2.2.bn'),
    high=dict(type='ModuleOutputs', source='backbone.layers.2.3.branch2.2.bn'),
)
student_channels = dict(low=116, mid=232, high=464, feat=1024)
student_preact_channels = dict(low=58, mid=116, high=232)
