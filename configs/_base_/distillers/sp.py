# Tung and Mori, 2019: row-normalised Gram matrix of a batch, on the last maps.
# Weight 3000 of the paper, as in Tian et al.
distiller = dict(
    connectors=dict(rows=dict(type='PoolConnector', map_pool='flatten')),
    distill_losses=dict(
        loss_sp=dict(type='KDALoss', preset='sp', loss_weight=3000)),
    loss_forward_mappings=dict(
        loss_sp=dict(
            s_feature=dict(from_student=True, recorder='high', connector='rows'),
            t_feature=dict(
                from_student=False, recorder='high', connector='rows'))))
