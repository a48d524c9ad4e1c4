# The schedule of Tian et al. (RepDistiller): 240 epochs at batch 64, a tenth of the
# learning rate after 150, 180 and 210 of them, no warm-up.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4))

param_scheduler = [
    dict(
        type='MultiStepLR',
        milestones=[150, 180, 210],
        gamma=0.1,
        by_epoch=True,
        end=240),
]

train_cfg = dict(by_epoch=True, max_epochs=240, val_interval=1)
test_cfg = dict()

auto_scale_lr = dict(enable=False, base_batch_size=64)
