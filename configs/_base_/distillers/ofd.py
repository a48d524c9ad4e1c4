# Heo et al., 2019, "A Comprehensive Overhaul of Feature Distillation": what enters
# the ReLUs, negative responses only up to a margin. Weights of the paper. Recorded
# where a BatchNorm is followed by a ReLU, from which mmrazor takes the margin.
distiller = dict(
    type='OFDDistiller',
    connectors=dict(
        low_teacher=dict(type='OFDTeacherConnector'),
        mid_teacher=dict(type='OFDTeacherConnector'),
        high_teacher=dict(type='OFDTeacherConnector')),
    distill_losses=dict(
        loss_low=dict(type='OFDLoss', loss_weight=0.25),
        loss_mid=dict(type='OFDLoss', loss_weight=0.5),
        loss_high=dict(type='OFDLoss', loss_weight=1.0),
    ),
    loss_forward_mappings=dict(
        loss_low=dict(
            s_feature=dict(
                from_student=True, recorder='low', connector='low'),
            t_feature=dict(
                from_student=False,
                recorder='low',
                connector='low_teacher')),
        loss_mid=dict(
            s_feature=dict(
                from_student=True, recorder='mid', connector='mid'),
            t_feature=dict(
                from_student=False,
                recorder='mid',
                connector='mid_teacher')),
        loss_high=dict(
            s_feature=dict(
                from_student=True, recorder='high', connector='high'),
            t_feature=dict(
                from_student=False,
                recorder='high',
                connector='high_teacher')),
    ))
