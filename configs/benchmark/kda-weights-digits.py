# Whether KDA's best weight goes with the length of the schedule, on other data
# than CIFAR-100, where that was seen: Digits, in 40 epochs; see the suites beside this one.
title = 'KDA on Digits: loss weight, 40 epochs'
pair = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'
teacher = 'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py'
student = 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py'

weight = 'model.distiller.distill_losses.loss_kda.loss_weight'
methods = {
    f'KDA {form}, weight {w}': dict(config=config, options={weight: w})
    for form, config in dict(
        centred='kda/kda_centered_neck', correlated='kda/kda_neck').items()
    for w in (1, 3, 10, 30)
}

seeds = 8
ranks = 1
