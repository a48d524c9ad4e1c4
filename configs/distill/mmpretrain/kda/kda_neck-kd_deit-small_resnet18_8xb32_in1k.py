_base_ = [
    './kda_neck_deit-small_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/kda_neck-kd.py',
]

_base_.kd_beside.in1k.distiller.teacher_recorders.logits.update(
    source='head.layers.head')

model = _base_.kd_beside.in1k
