_base_ = [
    '../../../_base_/models/digits_distill.py',
    '../../../_base_/schedules/digits_40e.py',
    '../../../_base_/default_runtime.py',
]

custom_hooks = [dict(type='LandmarkHook', warmup_epochs=5)]

# The loss grows with the square root of its N x m entries. This is the authors'
# 0.04 at batch 256 and 100 classes, carried over to batch 32 and 10 classes:
# 0.04 * sqrt(256 * 100 / (32 * 10)).
loss_weight = 0.36

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
                landmarks=dict(type='class_center', num_landmarks=10))),
        loss_forward_mappings=dict(
            loss_kda=dict(
                s_feature=dict(from_student=True, recorder='feat'),
                t_feature=dict(from_student=False, recorder='feat'),
                gt_label=dict(
                    from_student=True, recorder='gt_label', data_idx=1)))))
