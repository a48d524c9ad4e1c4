# Peng et al., 2019: Gaussian kernel of a batch, gamma 0.4. Weight 100 of the
# public reimplementation of this form for CIFAR (Knowledge-Distillation-Zoo).
distiller = dict(
    student_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    teacher_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    distill_losses=dict(
        loss_cc=dict(type='KDALoss', preset='cc', loss_weight=100)),
    loss_forward_mappings=dict(
        loss_cc=dict(
            s_feature=dict(from_student=True, recorder='feat'),
            t_feature=dict(from_student=False, recorder='feat'))))
