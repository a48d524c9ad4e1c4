# Whether the weight that short trials ask for holds over the whole schedule: KDA's default,
# and with KD at KD's own weight, on 20 classes of CIFAR-100. Scored on a tenth of the
# training images, which is held out; the test split is not read.
title = 'KDA on 20 classes of CIFAR-100: loss weight, 30 epochs, images held out'
pair = 'resnet18-w16_resnet18-w8_1xb128-30e_cifar100-20'
teacher = 'vanilla/mmpretrain/cifar100-20/resnet18-w16_1xb128-30e_cifar100-20.py'
student = 'vanilla/mmpretrain/cifar100-20/resnet18-w8_1xb128-30e_cifar100-20.py'

weight = 'model.distiller.distill_losses.loss_kda.loss_weight'
methods = {
    'KDA pre-FC, weight 3': dict(config='kda/kda_neck', options={weight: 3}),
    'KDA pre-FC, weight 30': dict(config='kda/kda_neck', options={weight: 30}),
    'KDA + KD, weight 30': dict(config='kda/kda_neck-kd', options={weight: 30}),
    'KDA + KD, weight 3': dict(config='kda/kda_neck-kd', options={weight: 3}),
    'KD': 'kd/kd_logits',
}

images = dict(type='CIFAR100Images', data_root='data/cifar100', split='train', num_classes=20)
crop = dict(type='RandomCrop', crop_size=32, padding=4)
flip = dict(type='RandomFlip', prob=0.5, direction='horizontal')
pack = dict(type='PackInputs')
part = dict(_delete_=True, type='StratifiedPart', share=0.1)
held_out = dict(part, held_out=True, dataset=dict(images, test_mode=True, pipeline=[pack]))
options = {
    'train_dataloader.dataset':
    dict(part, held_out=False, dataset=dict(images, pipeline=[crop, flip, pack])),
    'val_dataloader.dataset': held_out,
    'test_dataloader.dataset': held_out,
}

seeds = 1
ranks = 1
