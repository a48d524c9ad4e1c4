# As in mmpretrain's resnet50_8xb32_in1k.
teacher = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(type='mmpretrain.ResNet', depth=50),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        type='mmpretrain.LinearClsHead',
        in_channels=2048,
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        topk=(1, 5)))

# Where the methods that look inside record: maps of the last three stages, what
# enters a ReLU of their last blocks, and how many channels each has.
teacher_maps = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer2'),
    mid=dict(type='ModuleOutputs', source='backbone.layer3'),
    high=dict(type='ModuleOutputs', source='backbone.layer4'),
)
teacher_preacts = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer2.3.bn2'),
    mid=dict(type='ModuleOutputs', source='backbone.layer3.5.bn2'),
    high=dict(type='ModuleOutputs', source='backbone.layer4.2.bn2'),
)
teacher_channels = dict(low=512, mid=1024, high=2048, feat=2048)
teacher_preact_channels = dict(low=128, mid=256, high=512)
