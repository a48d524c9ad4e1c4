# Zhao et al., 2022: target and other classes apart. Temperature, alpha and beta of
# the authors' CIFAR-100 default (they have other betas for other pairs). Their
# warm-up of the loss over 20 epochs is not in mmrazor. Not reduction='mean': mmrazor
# sums then.
distiller = dict(
    student_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc'),
        gt_label=dict(type='ModuleInputs', source='head.loss_module')),
    teacher_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc')),
    distill_losses=dict(
        loss_dkd=dict(
            type='DKDLoss', tau=4, alpha=1, beta=8, reduction='batchmean')),
    loss_forward_mappings=dict(
        loss_dkd=dict(
            preds_S=dict(from_student=True, recorder='logits'),
            preds_T=dict(from_student=False, recorder='logits'),
            gt_labels=dict(
                from_student=True, recorder='gt_label', data_idx=1))))
