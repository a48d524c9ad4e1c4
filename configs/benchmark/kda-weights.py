# Whether one loss weight serves every batch: KDA's default, with KD too, and the authors'
# form, on 20 classes of CIFAR-100 in batches of 64, 128 and 256. For --tune, whose
# trials are the answer.
title = 'KDA on 20 classes of CIFAR-100: loss weight and batch'
pair = 'resnet18-w16_resnet18-w8_1xb128-30e_cifar100-20'
teacher = 'vanilla/mmpretrain/cifar100-20/resnet18-w16_1xb128-30e_cifar100-20.py'
student = 'vanilla/mmpretrain/cifar100-20/resnet18-w8_1xb128-30e_cifar100-20.py'

# The learning rate goes with the batch.
methods = {
    f'{name}, batch {batch}': dict(
        config=config,
        options={
            'train_dataloader.batch_size': batch,
            'optim_wrapper.optimizer.lr': 0.05 * batch / 128,
        })
    for name, config in dict({
        'KDA as published': 'kda/kda_published_neck',
        'KDA pre-FC': 'kda/kda_neck',
        'KDA + KD': 'kda/kda_neck-kd',
    }).items() for batch in (64, 128, 256)
}

options = {'env_cfg.cudnn_benchmark': True}

tune = dict(trials=5, span=10, seeds=1, epochs=10, validation=0.1)

seeds = 1
ranks = 1
