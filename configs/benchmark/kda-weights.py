# Whether one loss weight serves every batch: KDA's centred form, with KD too, and the
# authors', on 20 classes of CIFAR-100 in batches of 64, 128 and 256. For --tune, whose
# trials are the answer.
title = 'KDA on 20 classes of CIFAR-100: loss weight and batch'
pair = 'resnet18-w16_resnet18-w8_1xb128-30e_cifar100-20'
teacher = 'vanilla/mmpretrain/cifar100-20/resnet18-w16_1xb128-30e_cifar100-20.py'
student = 'vanilla/mmpretrain/cifar100-20/resnet18-w8_1xb128-30e_cifar100-20.py'

loss = 'model.distiller.distill_losses.loss_kda'
centred = {f'{loss}.preset': 'landmark_cka', f'{loss}.loss_weight': 3}
# The learning rate goes with the batch.
methods = {
    f'{name}, batch {batch}': dict(
        config=config,
        options={
            **changes,
            'train_dataloader.batch_size': batch,
            'optim_wrapper.optimizer.lr': 0.05 * batch / 128,
        })
    for name, (config, changes) in dict({
        'KDA as published': ('kda/kda_published_neck', {}),
        'KDA centred': ('kda/kda_centered_neck', {}),
        'KDA centred + KD': ('kda/kda_neck-kd', centred),
    }).items() for batch in (64, 128, 256)
}

options = {'env_cfg.cudnn_benchmark': True}

tune = dict(trials=5, span=10, seeds=1, epochs=10, validation=0.1)

seeds = 1
ranks = 1
