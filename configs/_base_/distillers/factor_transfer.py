# Kim et al., 2018: the second stage, in which the student's translator learns the
# factors of the paraphraser. Weight 200, as in Tian et al.
distiller = dict(
    distill_losses=dict(loss_ft=dict(type='FTLoss', loss_weight=200)),
    loss_forward_mappings=dict(
        loss_ft=dict(
            s_feature=dict(
                from_student=True, recorder='high', connector='translator'),
            t_feature=dict(
                from_student=False,
                recorder='high',
                connector='paraphraser'))))
