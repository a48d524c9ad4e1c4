_base_ = [
    '../../../_base_/pairs/resnet34_resnet18_1xb256-120e_cifar100.py',
    '../../../_base_/distillers/kda.py',
]

# Not as published: centred alignment with the landmarks, which has no scale.
_base_.distiller.distill_losses.loss_kda.update(
    preset='landmark_cka', loss_weight=3)
_base_.distiller.distill_losses.loss_kda.landmarks.update(
    num_landmarks=_base_.num_classes)

model = dict(distiller=_base_.distiller)
