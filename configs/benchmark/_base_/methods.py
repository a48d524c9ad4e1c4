# What a suite compares. A name and the beginning of its config's name, which the
# pair of the suite completes: <method folder>/<method>_<location>_<pair>.py. Two
# beginnings are the two stages of a method.
methods = dict({
    'KD': 'kd/kd_logits',
    'KD standardized': 'kd_standardized/kd-standardized_logits',
    'AT': 'at/at_backbone',
    'FitNets': 'fitnets/fitnets_backbone',
    'RKD': 'rkd/rkd_neck',
    'SP': 'sp/sp_backbone',
    'CC': 'cc/cc_neck',
    'CKA': 'cka/cka_neck',
    'CKA both': 'cka/cka_neck-logits',
    'PKT': 'pkt/pkt_neck',
    'DIST': 'dist/dist_logits',
    'DKD': 'dkd/dkd_logits',
    'WSLD': 'wsld/wsld_logits',
    'CRD': 'crd/crd_neck',
    'OFD': 'ofd/ofd_backbone',
    'AB': ['abloss/abloss_pretrain_backbone', 'abloss/abloss_logits'],
    'FT': [
        'factor_transfer/factor-transfer_pretrain_backbone',
        'factor_transfer/factor-transfer_backbone'
    ],
    'KDA as published': 'kda/kda_published_neck',
    'KDA centred': 'kda/kda_centered_neck',
    'KDA correlated': 'kda/kda_neck',
    'KDA post-FC': 'kda/kda_logits',
    'KDA both': 'kda/kda_neck-logits',
    'KDA correlated + KD': 'kda/kda_neck-kd',
})

seeds = 3
# Processes, and GPUs, of one run.
ranks = 1
