# KD beside KDA, with the weights that it has alone: those of Tian et al. (RepDistiller)
# beside 0.1 of the cross-entropy, or for ImageNet those of mmrazor's own configs.
logits = dict(logits=dict(type='ModuleOutputs', source='head.fc'))
mappings = dict(
    loss_kl=dict(
        preds_S=dict(from_student=True, recorder='logits'),
        preds_T=dict(from_student=False, recorder='logits')))
kd_beside = dict(
    cifar=dict(
        architecture=dict(head=dict(loss=dict(loss_weight=0.1))),
        distiller=dict(
            student_recorders=logits,
            teacher_recorders=logits,
            distill_losses=dict(
                loss_kl=dict(type='KLDivergence', tau=4, loss_weight=0.9)),
            loss_forward_mappings=mappings)),
    in1k=dict(
        distiller=dict(
            student_recorders=logits,
            teacher_recorders=logits,
            distill_losses=dict(
                loss_kl=dict(type='KLDivergence', tau=1, loss_weight=3)),
            loss_forward_mappings=mappings)))
