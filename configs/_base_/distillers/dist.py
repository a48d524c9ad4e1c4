# Huang et al., 2022: correlations of predictions, between classes and between
# images. Temperature 4 and weight 2 of the paper's CIFAR-100 runs.
distiller = dict(
    student_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc')),
    teacher_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc')),
    distill_losses=dict(loss_dist=dict(type='DISTLoss', tau=4, loss_weight=2)),
    loss_forward_mappings=dict(
        loss_dist=dict(
            logits_S=dict(from_student=True, recorder='logits'),
            logits_T=dict(from_student=False, recorder='logits'))))
