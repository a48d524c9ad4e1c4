# Whether KDA's best weight goes with the length of the schedule, on other data
# than CIFAR-100, where that was seen: Digits, in 40 epochs; see the suites beside this one.
title = 'KDA on Digits: loss weight, 40 epochs'
pair = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'
teacher = 'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py'
student = 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py'

weight = 'model.distiller.distill_losses.loss_kda.loss_weight'
methods = {
    'KDA centred, weight 1': dict(config='kda/kda_centered_neck', options={weight: 1}),
    'KDA centred, weight 3': dict(config='kda/kda_centered_neck', options={weight: 3}),
    'KDA centred, weight 10': dict(config='kda/kda_centered_neck', options={weight: 10}),
    'KDA centred, weight 30': dict(config='kda/kda_centered_neck', options={weight: 30}),
    'KDA correlated, weight 1': dict(config='kda/kda_neck', options={weight: 1}),
    'KDA correlated, weight 3': dict(config='kda/kda_neck', options={weight: 3}),
    'KDA correlated, weight 10': dict(config='kda/kda_neck', options={weight: 10}),
    'KDA correlated, weight 30': dict(config='kda/kda_neck', options={weight: 30}),
}

seeds = 8
ranks = 1
