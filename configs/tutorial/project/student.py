# The student alone: what every method has to beat.
_base_ = './base.py'

network = _base_.networks[_base_.student]
work_dir = f'work_dirs/{_base_.name}/student'

backbone = dict(network.backbone)
if _base_.student_init:
    backbone['init_cfg'] = dict(_base_.student_init, type='Pretrained')
model = dict(
    type='ImageClassifier', backbone=backbone, neck=network.neck, head=network.head)
