# How much of KDA a short schedule wants: its weight on all of CIFAR-100, by itself and with KD
# at KD's own weight. For --amp --channels-last --replay 5: some ten minutes of a core a run.
title = 'KDA on CIFAR-100: loss weight, 15 epochs'
pair = 'resnet18-w16_resnet18-w8_1xb128-15e_cifar100'
teacher = 'vanilla/mmpretrain/cifar100/resnet18-w16_1xb128-30e_cifar100.py'
student = 'vanilla/mmpretrain/cifar100/resnet18-w8_1xb128-15e_cifar100.py'

distiller = 'model.distiller'
loss = f'{distiller}.distill_losses.loss_kda'
mapping = f'{distiller}.loss_forward_mappings.loss_kda'
weight = f'{loss}.loss_weight'
kd_weight = f'{distiller}.distill_losses.loss_kl.loss_weight'
late = {'custom_hooks.0.warmup_epochs': 1}
centred = {f'{loss}.preset': 'landmark_cka'}
# The two together are preset='nystrom_correlation'.
nystrom = {f'{loss}.form': dict(type='nystrom', center=True)}
correlation = {f'{loss}.distance': 'correlation'}
correlated = {f'{loss}.preset': 'nystrom_correlation'}
soft = {
    f'{distiller}.connectors': dict(soft=dict(type='SoftmaxConnector', tau=4)),
    f'{mapping}.s_feature.connector': 'soft',
    f'{mapping}.t_feature.connector': 'soft'}
methods = {
    'KD': 'kd/kd_logits',
    'KD, three times its weight': dict(
        config='kd/kd_logits',
        options={kd_weight: 2.7}),
    'DIST': 'dist/dist_logits',
    **{f'KDA centred, weight {w}': dict(
        config='kda/kda_centered_neck', options={weight: w, **late})
       for w in (3, 10, 30, 100)},
    **{f'KDA centred + KD, weight {w}': dict(
        config='kda/kda_neck-kd', options={**centred, weight: w, **late})
       for w in (3, 10, 30)},
    **{f'KDA correlated, weight {w}': dict(
        config='kda/kda_neck', options={weight: w, **late})
       for w in (3, 10, 30)},
    'KDA correlated + KD, weight 10': dict(
        config='kda/kda_neck-kd', options={weight: 10, **late}),
    # KD's papers give the cross-entropy a tenth, KDA's a whole.
    **{f'KDA correlated + KD, weight 10 and {w}, whole cross-entropy': dict(
        config='kda/kda_neck-kd', options={
            weight: 10, kd_weight: w, 'model.architecture.head.loss.loss_weight': 1.0, **late})
       for w in (0.9, 2.7, 9)},
    'KDA correlated + KD, weight 3 and 2.7': dict(
        config='kda/kda_neck-kd', options={weight: 3, kd_weight: 2.7, **late}),
    # Other forms, distances and places of the loss, one at a time.
    **{f'KDA correlated {of}, weight 10': dict(config='kda/kda_neck', options={
        f'{loss}.distance': dict(type='correlation', of=of), weight: 10, **late})
       for of in ('rows', 'columns')},
    'KDA correlated rbf, weight 10': dict(config='kda/kda_neck', options={
        f'{loss}.kernel': dict(type='rbf', gamma='median'), weight: 10, **late}),
    'KDA correlated post-FC, weight 10': dict(
        config='kda/kda_logits', options={**correlated, weight: 10, **late}),
    # Of probabilities, as DIST, with its weight; landmarks are class centres, and DIST has
    # one-hot vectors. The second leaves the batch's mean in, as DIST does.
    'KDA correlated probabilities, weight 32': dict(
        config='kda/kda_logits', options={**correlated, **soft, weight: 32, **late}),
    'KDA correlated probabilities with their mean, weight 32': dict(
        config='kda/kda_logits', options={
            **correlated, **soft, f'{loss}.form': dict(type='nystrom', center='landmarks'),
            weight: 32, **late}),
    'KDA correlated both, weight 10': dict(config='kda/kda_neck-logits', options={
        f'{loss}_logits.preset': 'nystrom_correlation', f'{loss}_logits.loss_weight': 10,
        weight: 10, **late}),
    'KDA correlated, weight 10, and centred post-FC, weight 3': dict(
        config='kda/kda_neck-logits', options={weight: 10, **late}),
    'KDA Nystrom, weight 10': dict(
        config='kda/kda_centered_neck', options={**nystrom, weight: 10, **late}),
    **{f'KDA partial correlation, weight {w}': dict(
        config='kda/kda_centered_neck', options={**correlation, weight: w, **late})
       for w in (3, 10)},
    'KDA partial correlation post-FC, weight 10': dict(
        config='kda/kda_logits', options={**correlation, weight: 10, **late}),
    'KDA on maps, weight 30': dict(config='kda/kda_centered_neck', options={
        f'{distiller}.student_recorders.feat.source': 'backbone.layer3',
        f'{distiller}.teacher_recorders.feat.source': 'backbone.layer3',
        f'{distiller}.connectors': dict(
            rows=dict(type='PoolConnector', map_pool='flatten')),
        f'{mapping}.s_feature.connector': 'rows',
        f'{mapping}.t_feature.connector': 'rows',
        weight: 30, **late}),
}

# Scored on a tenth of the training images, so that what is chosen by it is not chosen by the
# test split.
validation = 0.1

seeds = 1
ranks = 1
