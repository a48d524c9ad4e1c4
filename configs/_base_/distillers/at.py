# Zagoruyko and Komodakis, 2017: attention maps of three stages. Weight 1000 of the
# paper, as in Tian et al.
distiller = dict(
    distill_losses=dict(
        loss_low=dict(type='ATLoss', loss_weight=1000),
        loss_mid=dict(type='ATLoss', loss_weight=1000),
        loss_high=dict(type='ATLoss', loss_weight=1000)),
    loss_forward_mappings=dict(
        loss_low=dict(
            s_feature=dict(from_student=True, recorder='low'),
            t_feature=dict(from_student=False, recorder='low')),
        loss_mid=dict(
            s_feature=dict(from_student=True, recorder='mid'),
            t_feature=dict(from_student=False, recorder='mid')),
        loss_high=dict(
            s_feature=dict(from_student=True, recorder='high'),
            t_feature=dict(from_student=False, recorder='high'))))
