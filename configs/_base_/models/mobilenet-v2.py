# As in mmpretrain's mobilenet-v2_8xb32_in1k.
student = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(type='mmpretrain.MobileNetV2', widen_factor=1.0),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        type='mmpretrain.LinearClsHead',
        in_channels=1280,
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        topk=(1, 5)))

# Where the methods that look inside record: maps of 28, 14 and 7 pixels a side.
# No ReLU follows the last layer of these blocks.
student_maps = dict(
    low=dict(type='ModuleOutputs', source='backbone.layer3'),
    mid=dict(type='ModuleOutputs', source='backbone.layer5'),
    high=dict(type='ModuleOutputs', source='backbone.layer7'),
)
student_preacts = student_maps
student_channels = dict(low=32, mid=96, high=320, feat=1280)
student_preact_channels = student_channels
