# Romero et al., 2015: a hint from the middle stage, behind a 1 x 1 convolution.
# Weight 100 of the mean squared error, as in Tian et al.
distiller = dict(
    distill_losses=dict(
        loss_hint=dict(
            type='L2Loss', normalize=False, div_element=True,
            loss_weight=100)),
    loss_forward_mappings=dict(
        loss_hint=dict(
            s_feature=dict(from_student=True, recorder='mid', connector='hint'),
            t_feature=dict(from_student=False, recorder='mid'))))
