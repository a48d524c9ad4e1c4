# Kim et al., 2018: the first of two stages, in which the paraphraser learns to put
# together again what it takes apart of the teacher's last maps.
distiller = dict(
    distill_losses=dict(
        loss_reconstruction=dict(
            type='L2Loss', normalize=False, div_element=True)),
    loss_forward_mappings=dict(
        loss_reconstruction=dict(
            # Both are the teacher's.
            s_feature=dict(
                from_student=False, recorder='high', connector='paraphraser'),
            t_feature=dict(from_student=False, recorder='high'))))
