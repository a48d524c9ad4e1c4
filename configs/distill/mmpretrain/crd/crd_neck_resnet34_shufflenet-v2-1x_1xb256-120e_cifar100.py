_base_ = [
    '../../../_base_/pairs/resnet34_shufflenet-v2-1x_1xb256-120e_cifar100.py',
    '../../../_base_/distillers/crd.py',
]

# Half of a small data set is enough to contrast with.
neg_num = min(_base_.crd_neg_num, _base_.train_images // 2)
_base_.distiller.distill_losses.loss_crd.update(
    sample_n=_base_.train_images, neg_num=neg_num)

model = dict(
    distiller=dict(
        connectors=dict(
            student=dict(
                type='CRDConnector', dim_in=_base_.student_channels.feat),
            teacher=dict(
                type='CRDConnector', dim_in=_base_.teacher_channels.feat)),
        **_base_.distiller))

# Every image comes with the numbers of those to contrast it with, which take long to draw.
images = dict(_base_.train_dataloader.dataset, _scope_='mmpretrain')
images['pipeline'] = [
    *images['pipeline'][:-1],
    dict(type='mmrazor.PackCRDClsInputs'),
]
train_dataloader = dict(
    num_workers=max(_base_.train_dataloader.num_workers, 2),
    persistent_workers=True,
    dataset=dict(
        _delete_=True,
        type='mmrazor.CRDDataset',
        dataset=images,
        neg_num=neg_num,
        sample_mode='exact',
        percent=1.0))
