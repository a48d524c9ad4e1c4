# Whether one loss weight serves every batch, over the whole schedule: KDA's default, with KD
# at KD's own weight, and the authors' form, on 20 classes of CIFAR-100 in batches of 64, 128
# and 256. For --channels-last --replay 5.
title = 'KDA on 20 classes of CIFAR-100: loss weight and batch, 30 epochs'
pair = 'resnet18-w16_resnet18-w8_1xb128-30e_cifar100-20'
teacher = 'vanilla/mmpretrain/cifar100-20/resnet18-w16_1xb128-30e_cifar100-20.py'
student = 'vanilla/mmpretrain/cifar100-20/resnet18-w8_1xb128-30e_cifar100-20.py'

weight = 'model.distiller.distill_losses.loss_kda.loss_weight'
# The learning rate goes with the batch.
methods = {
    f'{name}, weight {w}, batch {batch}': dict(
        config=config,
        options={
            weight: w,
            'train_dataloader.batch_size': batch,
            'optim_wrapper.optimizer.lr': 0.05 * batch / 128,
        })
    for name, config, weights in (
        ('KDA correlated', 'kda/kda_neck', (3, 10, 30)),
        ('KDA correlated + KD', 'kda/kda_neck-kd', (3, 10, 30)),
        ('KDA as published', 'kda/kda_published_neck', (0.013, 0.04, 0.13)),
    ) for batch in (64, 128, 256) for w in weights
}

# Nothing is chosen by the test split.
validation = 0.1
seeds = 1
ranks = 1
