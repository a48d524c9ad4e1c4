_base_ = ['./resnet34_1xb256-120e_cifar100.py']

data_preprocessor = _base_.folder_preprocessor
train_dataloader = dict(
    _base_.folder_loader, dataset=dict(_delete_=True, **_base_.folder_train))
val_dataloader = dict(
    _base_.folder_loader, dataset=dict(_delete_=True, **_base_.folder_test))
test_dataloader = val_dataloader
