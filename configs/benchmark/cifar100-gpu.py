# The suite cifar100-cpu in the batches of a GPU, for --amp --channels-last --jobs 16: a GPU
# is not filled by one run of networks as small as these.
_base_ = ['./cifar100-cpu.py']

title = 'CIFAR-100, ResNet-18 with 16 channels to one with 8, in batches of 256'

methods = dict({'CRD': 'crd/crd_neck'})  # with all its negatives

options = {
    'optim_wrapper.optimizer.lr': 0.1,
    'train_dataloader.batch_size': 256,
    'env_cfg.cudnn_benchmark': True,
}
