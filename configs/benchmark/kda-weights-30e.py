# Whether the weight that short trials ask for holds over the whole schedule: KDA's centred
# form, and with KD at KD's own weight, on 20 classes of CIFAR-100.
title = 'KDA on 20 classes of CIFAR-100: loss weight, 30 epochs'
pair = 'resnet18-w16_resnet18-w8_1xb128-30e_cifar100-20'
teacher = 'vanilla/mmpretrain/cifar100-20/resnet18-w16_1xb128-30e_cifar100-20.py'
student = 'vanilla/mmpretrain/cifar100-20/resnet18-w8_1xb128-30e_cifar100-20.py'

loss = 'model.distiller.distill_losses.loss_kda'
weight = f'{loss}.loss_weight'
centred = {f'{loss}.preset': 'landmark_cka'}
methods = {
    **{f'KDA centred, weight {w}': dict(
        config='kda/kda_centered_neck', options={weight: w}) for w in (3, 10, 30)},
    **{f'KDA centred + KD, weight {w}': dict(
        config='kda/kda_neck-kd', options={**centred, weight: w}) for w in (3, 10, 30)},
    'KD': 'kd/kd_logits',
}

validation = 0.1
seeds = 1
ranks = 1
