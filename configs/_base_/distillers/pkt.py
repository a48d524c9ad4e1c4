# Passalis and Tefas, 2018: which images of a batch are neighbours, as probabilities, of
# the pooled features. Weight 30000 as in Tian et al.
distiller = dict(
    student_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    teacher_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    distill_losses=dict(
        loss_pkt=dict(type='KDALoss', preset='pkt', loss_weight=30000)),
    loss_forward_mappings=dict(
        loss_pkt=dict(
            s_feature=dict(from_student=True, recorder='feat'),
            t_feature=dict(from_student=False, recorder='feat'))))
