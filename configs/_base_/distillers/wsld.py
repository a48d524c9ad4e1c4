# Zhou et al., 2021: soft labels weighted image by image. Temperature 4 and weight
# 2.25 of the paper's CIFAR-100 runs.
distiller = dict(
    student_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc'),
        gt_label=dict(type='ModuleInputs', source='head.loss_module')),
    teacher_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc')),
    distill_losses=dict(loss_wsld=dict(type='WSLD', tau=4, loss_weight=2.25)),
    loss_forward_mappings=dict(
        loss_wsld=dict(
            student=dict(from_student=True, recorder='logits'),
            teacher=dict(from_student=False, recorder='logits'),
            gt_labels=dict(
                from_student=True, recorder='gt_label', data_idx=1))))
