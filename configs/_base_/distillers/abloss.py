# Heo et al., 2019, "Knowledge Transfer via Distillation of Activation Boundaries":
# the first of two stages, which neurons are active. Weights of the paper.
distiller = dict(
    distill_losses=dict(
        loss_low=dict(type='ABLoss', loss_weight=0.25),
        loss_mid=dict(type='ABLoss', loss_weight=0.5),
        loss_high=dict(type='ABLoss', loss_weight=1.0),
    ),
    loss_forward_mappings=dict(
        loss_low=dict(
            s_feature=dict(
                from_student=True, recorder='low', connector='low'),
            t_feature=dict(from_student=False, recorder='low')),
        loss_mid=dict(
            s_feature=dict(
                from_student=True, recorder='mid', connector='mid'),
            t_feature=dict(from_student=False, recorder='mid')),
        loss_high=dict(
            s_feature=dict(
                from_student=True, recorder='high', connector='high'),
            t_feature=dict(from_student=False, recorder='high')),
    ))
