# CIFAR-100 in minutes, for a look at features on a CPU: an epoch of linear
# warm-up, then cosine to 0.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4))

param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=True,
        begin=0,
        end=1,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=3,
        eta_min=0,
        by_epoch=True,
        begin=1,
        end=4,
        convert_to_iter_based=True),
]

train_cfg = dict(by_epoch=True, max_epochs=4, val_interval=1)
test_cfg = dict()

auto_scale_lr = dict(enable=False, base_batch_size=256)
