# A second loss beside that of kda.py, on the logits, with landmarks of its own.
on_logits = dict(
    distiller=dict(
        student_recorders=dict(
            logits=dict(type='ModuleOutputs', source='head.fc')),
        teacher_recorders=dict(
            logits=dict(type='ModuleOutputs', source='head.fc')),
        distill_losses=dict(
            loss_kda_logits=dict(
                type='KDALoss', landmarks=dict(type='class_center'))),
        loss_forward_mappings=dict(
            loss_kda_logits=dict(
                s_feature=dict(from_student=True, recorder='logits'),
                t_feature=dict(from_student=False, recorder='logits'),
                gt_label=dict(
                    from_student=True, recorder='gt_label', data_idx=1)))))
