# All of CIFAR-100 on two CPU cores, every method with an equal chance: seven to ten minutes
# a run with --amp --channels-last --replay 5, a night for all of it, days with --tune of all.
# Where bfloat16 is slower than float32, which a run says, without --amp: a quarter of an hour a run.
_base_ = ['./_base_/methods.py', './_base_/dist_too.py']

title = 'CIFAR-100 on a CPU, ResNet-18 with 16 channels to one with 8'
pair = 'resnet18-w16_resnet18-w8_1xb128-15e_cifar100'
first_stage = 'resnet18-w16_resnet18-w8_1xb128-3e_cifar100'
teacher = 'vanilla/mmpretrain/cifar100/resnet18-w16_1xb128-30e_cifar100.py'
student = 'vanilla/mmpretrain/cifar100/resnet18-w8_1xb128-15e_cifar100.py'

losses = 'model.distiller.distill_losses'
weight = f'{losses}.loss_kda.loss_weight'
late = {'custom_hooks.0.warmup_epochs': 1}
centred = {f'{losses}.loss_kda.preset': 'landmark_cka', weight: 3}
published = {f'{losses}.loss_kda.preset': None, weight: 0.04, **late}
# What trials on images held out chose for KD.
stronger_kd = {f'{losses}.loss_kl.loss_weight': 2.7}
published_logits = {
    f'{losses}.loss_kda_logits.preset': None,
    f'{losses}.loss_kda_logits.loss_weight': 0.04,
}
# Whether the kernel adds something to the best of the others.
dist_too = {**_base_.dist_too, **late}
methods = dict({
    # 16384 negatives an image, as in its paper, would take nine hours of a core.
    'CRD': dict(_delete_=True, config='crd/crd_neck', options={
        f'{losses}.loss_crd.neg_num': 512, 'train_dataloader.dataset.neg_num': 512}),
    'KDA as published': dict(
        _delete_=True, config='kda/kda_published_neck', options=late),
    'KDA as published, post-FC': dict(config='kda/kda_logits', options=published),
    'KDA as published, both': dict(
        config='kda/kda_neck-logits', options={**published, **published_logits}),
    'KDA as published + KD': dict(config='kda/kda_neck-kd', options=published),
    # The default; its weight was chosen on images held out, see cifar100-weights.
    'KDA correlated': dict(_delete_=True, config='kda/kda_neck', options=late),
    'KDA post-FC': dict(_delete_=True, config='kda/kda_logits', options=late),
    'KDA both': dict(_delete_=True, config='kda/kda_neck-logits', options=late),
    'KDA correlated + KD': dict(_delete_=True, config='kda/kda_neck-kd', options=late),
    # About what trials chose for the CKA of the landmarks; --tune tries the decade around it.
    'CKA, weight 10': dict(
        config='cka/cka_neck', options={f'{losses}.loss_cka.loss_weight': 10}),
    'KD, three times its weight': dict(config='kd/kd_logits', options=stronger_kd),
    'KDA correlated + KD, three times its weight': dict(
        config='kda/kda_neck-kd', options={**stronger_kd, **late}),
    'KDA correlated + DIST': dict(config='kda/kda_neck', options=dist_too),
    # The default of before; with weight 10, which cifar100-weights has ahead of its 3.
    'KDA centred': dict(_delete_=True, config='kda/kda_centered_neck', options=late),
    'KDA centred both': dict(config='kda/kda_neck-logits', options={**centred, **late}),
    'KDA centred + KD': dict(config='kda/kda_neck-kd', options={**centred, **late}),
    'KDA centred, weight 10': dict(
        config='kda/kda_centered_neck', options={weight: 10, **late}),
    'KDA centred + KD, weight 10': dict(
        config='kda/kda_neck-kd', options={**centred, weight: 10, **late}),
    'KDA centred + DIST': dict(config='kda/kda_centered_neck', options=dist_too),
    'KDA centred + DIST, weight 10': dict(
        config='kda/kda_centered_neck', options={weight: 10, **dist_too}),
})

# Trials of the whole schedule: a shortened one asks for too large a weight. So there are three,
# at most half a decade from the paper's: half an hour of a core a method.
tune = dict(trials=3, span=10**0.5, seeds=1, validation=0.1)
