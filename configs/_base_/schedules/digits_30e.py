# The students' schedule in half the epochs: the teacher sees three times the images in each.
_base_ = ['./digits_40e.py']

max_epochs = 30

param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.02,
        by_epoch=True,
        begin=0,
        end=_base_.warmup_epochs,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - _base_.warmup_epochs,
        eta_min=0,
        by_epoch=True,
        begin=_base_.warmup_epochs,
        end=max_epochs,
        convert_to_iter_based=True),
]

train_cfg = dict(max_epochs=max_epochs)

auto_scale_lr = dict(base_batch_size=64)
