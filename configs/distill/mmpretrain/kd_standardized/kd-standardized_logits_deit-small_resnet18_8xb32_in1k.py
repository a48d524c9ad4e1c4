_base_ = [
    '../../../_base_/pairs/deit-small_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/kd_standardized.py',
]

# The teacher's classifier has another name.
_base_.distiller.teacher_recorders.logits.update(source='head.layers.head')

model = dict(
    architecture=dict(head=dict(loss=dict(loss_weight=0.1))),
    distiller=_base_.distiller)
