# Park et al., 2019: distances and angles between the features of a batch. Weights
# 25 and 50 of the paper, features normalised, as in mmrazor's own config.
distiller = dict(
    student_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    teacher_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    distill_losses=dict(
        loss_dw=dict(
            type='DistanceWiseRKD', with_l2_norm=True, loss_weight=25),
        loss_aw=dict(type='AngleWiseRKD', with_l2_norm=True, loss_weight=50)),
    loss_forward_mappings=dict(
        loss_dw=dict(
            preds_S=dict(from_student=True, recorder='feat'),
            preds_T=dict(from_student=False, recorder='feat')),
        loss_aw=dict(
            preds_S=dict(from_student=True, recorder='feat'),
            preds_T=dict(from_student=False, recorder='feat'))))
