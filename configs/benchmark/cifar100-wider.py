# What three trials of cifar100-cpu left open, on the same images held out. A method whose best
# weight was the largest or the smallest that was tried has that weight once more and the next one.
# The student alone gained by three times its weight decay, so three methods have that, too.
# For --channels-last --replay 5: a quarter of an hour of a core a run.
title = 'CIFAR-100: weights beyond the trials, 15 epochs'
pair = 'resnet18-w16_resnet18-w8_1xb128-15e_cifar100'
teacher = 'vanilla/mmpretrain/cifar100/resnet18-w16_1xb128-30e_cifar100.py'
student = 'vanilla/mmpretrain/cifar100/resnet18-w8_1xb128-15e_cifar100.py'

losses = 'model.distiller.distill_losses'
kda = f'{losses}.loss_kda.loss_weight'
kl = f'{losses}.loss_kl.loss_weight'
late = {'custom_hooks.0.warmup_epochs': 1}

# The factors of the trials: half a decade apart.
more, most = 10**0.5, 10
less, least = 1 / more, 1 / most

methods = {
    f'{name} x{factor:.3g}': dict(config=config, options={**options, weight: one * factor})
    for name, config, options, weight, one, factors in (
        ('KD', 'kd/kd_logits', {}, kl, 0.9, (more, most)),
        ('KD standardized', 'kd_standardized/kd-standardized_logits', {}, kl, 9, (more, most)),
        ('SP', 'sp/sp_backbone', {}, f'{losses}.loss_sp.loss_weight', 3000, (more, most)),
        ('CKA, weight 10', 'cka/cka_neck', {}, f'{losses}.loss_cka.loss_weight', 10, (more, most)),
        ('DKD', 'dkd/dkd_logits', {}, f'{losses}.loss_dkd.loss_weight', 1, (less, least)),
        ('KDA post-FC', 'kda/kda_logits', late, kda, 3, (more, most)),
        ('KDA as published', 'kda/kda_published_neck', late, kda, 0.04, (less, least)),
    )
    for factor in factors
}
decay = {'optim_wrapper.optimizer.weight_decay': 0.0005 * more}
methods.update({
    'KDA correlated, three times the weight decay': dict(
        config='kda/kda_neck', options={**late, **decay}),
    'KD x3.16, three times the weight decay': dict(
        config='kd/kd_logits', options={kl: 0.9 * more, **decay}),
    'DIST, three times the weight decay': dict(config='dist/dist_logits', options=decay),
})

# Nothing is chosen by the test split.
validation = 0.1

seeds = 1
ranks = 1
