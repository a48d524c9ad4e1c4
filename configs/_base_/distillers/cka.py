# Kornblith et al., 2019: 1 - centred kernel alignment of a batch. No paper we know
# gives a weight for this form on CIFAR; 1, not tuned.
distiller = dict(
    student_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    teacher_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    distill_losses=dict(
        loss_cka=dict(type='KDALoss', preset='cka', loss_weight=1)),
    loss_forward_mappings=dict(
        loss_cka=dict(
            s_feature=dict(from_student=True, recorder='feat'),
            t_feature=dict(from_student=False, recorder='feat'))))
