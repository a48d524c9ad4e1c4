# The teacher, trained or fine-tuned on the labels.
_base_ = './base.py'

network = _base_.networks[_base_.teacher]
epochs = _base_.teacher_epochs
work_dir = f'work_dirs/{_base_.name}/teacher'

backbone = dict(network.backbone)
if _base_.teacher_init:
    backbone['init_cfg'] = dict(_base_.teacher_init, type='Pretrained')
model = dict(
    type='ImageClassifier', backbone=backbone, neck=network.neck, head=network.head)
optim_wrapper = dict(optimizer=_base_.teacher_optimizer)
param_scheduler = _base_.teacher_scheduler
train_cfg = dict(max_epochs=epochs, val_interval=max(epochs // 10, 1))
