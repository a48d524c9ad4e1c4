# Qian, Li and Hu, 2022: the kernel against class centres, here of the pooled features
# before the classifier. The loss is off for the five epochs of the authors' code.
custom_hooks = [dict(type='LandmarkHook', warmup_epochs=5)]

distiller = dict(
    student_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap'),
        gt_label=dict(type='ModuleInputs', source='head.loss_module')),
    teacher_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    distill_losses=dict(
        loss_kda=dict(type='KDALoss', landmarks=dict(type='class_center'))),
    loss_forward_mappings=dict(
        loss_kda=dict(
            s_feature=dict(from_student=True, recorder='feat'),
            t_feature=dict(from_student=False, recorder='feat'),
            gt_label=dict(
                from_student=True, recorder='gt_label', data_idx=1))))

# A pair says which, and where: as published, with the weight of the authors' code, for the
# pairs of the paper. For others losses without a scale, that which gains most in each place:
# features turned by their landmarks and correlated, and on logits centred alignment.
kda_losses = dict(
    published=dict(loss_weight=0.04),
    centered=dict(preset='landmark_cka', loss_weight=3),
    correlated=dict(preset='nystrom_correlation', loss_weight=10))
