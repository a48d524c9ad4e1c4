_base_ = ['./kda_neck_resnet34_resnet18_1xb256-120e_cifar100.py']

model = dict(
    data_preprocessor=_base_.folder_preprocessor,
    teacher_ckpt='work_dirs/resnet34_1xb256-120e_cifar100-folder/epoch_120.pth'
)
train_dataloader = dict(
    _base_.folder_loader, dataset=dict(_delete_=True, **_base_.folder_train))
val_dataloader = dict(
    _base_.folder_loader, dataset=dict(_delete_=True, **_base_.folder_test))
test_dataloader = val_dataloader
