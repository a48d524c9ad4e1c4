_base_ = [
    '../../../_base_/models/cifar100_distill.py',
    '../../../_base_/schedules/cifar100_120e.py',
    '../../../_base_/default_runtime.py',
]

custom_hooks = [dict(type='LandmarkHook', warmup_epochs=5)]

# Of the authors' code.
loss_weight = 0.04

model = dict(
    distiller=dict(
        student_recorders=dict(
            feat=dict(type='ModuleOutputs', source='neck.gap'),
            gt_label=dict(type='ModuleInputs', source='head.loss_module')),
        teacher_recorders=dict(
            feat=dict(type='ModuleOutputs', source='neck.gap')),
        distill_losses=dict(
            loss_kda=dict(
                type='KDALoss',
                loss_weight=loss_weight,
                landmarks=dict(type='class_center', num_landmarks=100))),
        loss_forward_mappings=dict(
            loss_kda=dict(
                s_feature=dict(from_student=True, recorder='feat'),
                t_feature=dict(from_student=False, recorder='feat'),
                gt_label=dict(
                    from_student=True, recorder='gt_label', data_idx=1)))))
