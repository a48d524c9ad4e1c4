# Sun et al., 2024: KD of logits with mean 0 and standard deviation 1. Base temperature 2
# and weight 9 of their CIFAR-100 command (--logit-stand --base-temp 2 --kd-weight 9),
# beside 0.1 of the cross-entropy.
distiller = dict(
    student_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc')),
    teacher_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc')),
    connectors=dict(
        s_standard=dict(type='StandardizeConnector'),
        t_standard=dict(type='StandardizeConnector')),
    distill_losses=dict(
        loss_kl=dict(type='KLDivergence', tau=2, loss_weight=9)),
    loss_forward_mappings=dict(
        loss_kl=dict(
            preds_S=dict(
                from_student=True, recorder='logits', connector='s_standard'),
            preds_T=dict(
                from_student=False,
                recorder='logits',
                connector='t_standard'))))
