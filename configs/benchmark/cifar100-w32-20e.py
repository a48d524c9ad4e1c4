# The paper's pair with the larger gap, ResNet-34 to ResNet-18 of half the width, in a sixth
# of its epochs: minutes a run on a GPU, with --amp --channels-last --replay 7.
_base_ = ['./_base_/methods.py']

title = 'CIFAR-100, ResNet-34 to ResNet-18 of half the width, 20 epochs'
pair = 'resnet34_resnet18-w32_1xb256-120e_cifar100'
first_stage = 'resnet34_resnet18-w32_1xb256-20e_cifar100'
teacher = 'vanilla/mmpretrain/cifar100/resnet34_1xb256-120e_cifar100.py'
student = 'vanilla/mmpretrain/cifar100/resnet18-w32_1xb256-120e_cifar100.py'

# The schedule of the authors' code, its parts in proportion, for the teacher too.
whole, warmup = 20, 1
options = {
    'train_cfg.max_epochs': whole,
    'train_cfg.val_interval': 5,
    'param_scheduler.0.end': warmup,
    'param_scheduler.1.begin': warmup,
    'param_scheduler.1.T_max': whole - warmup,
    'param_scheduler.1.end': whole,
}
late = {'custom_hooks.0.warmup_epochs': warmup}
changed = dict(_delete_=True, options=late)
loss = 'model.distiller.distill_losses.loss_kda'
methods = dict({
    # The first stages of these are a sixth of the whole schedule.
    'AB': None,
    'FT': None,
    'KDA as published': None,
    'KDA pre-FC': dict(config='kda/kda_neck', options=late),  # as published
    'KDA centred': dict(changed, config='kda/kda_centered_neck'),
    'KDA correlated': dict(changed, config='kda/kda_correlated_neck'),
    'KDA post-FC': dict(changed, config='kda/kda_logits'),
    'KDA both': dict(changed, config='kda/kda_neck-logits'),
    'KDA + KD': dict(config='kda/kda_neck-kd', options=late),
    'KDA correlated + KD': dict(changed, config='kda/kda_correlated_neck-kd'),
    'KDA centred + KD': dict(
        config='kda/kda_neck-kd',
        options={**late, f'{loss}.preset': 'landmark_cka', f'{loss}.loss_weight': 3}),
})
