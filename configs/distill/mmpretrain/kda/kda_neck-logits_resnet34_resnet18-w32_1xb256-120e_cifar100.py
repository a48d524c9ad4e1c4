_base_ = ['./kda_neck_resnet34_resnet18-w32_1xb256-120e_cifar100.py']

# A second loss, on the logits, with landmarks of its own.
model = dict(
    distiller=dict(
        student_recorders=dict(
            logits=dict(type='ModuleOutputs', source='head.fc')),
        teacher_recorders=dict(
            logits=dict(type='ModuleOutputs', source='head.fc')),
        distill_losses=dict(
            loss_kda_logits=dict(
                type='KDALoss',
                landmarks=dict(
                    type='class_center', num_landmarks=_base_.num_classes),
                **_base_.kda_losses[_base_.kda_loss])),
        loss_forward_mappings=dict(
            loss_kda_logits=dict(
                s_feature=dict(from_student=True, recorder='logits'),
                t_feature=dict(from_student=False, recorder='logits'),
                gt_label=dict(
                    from_student=True, recorder='gt_label', data_idx=1)))))
