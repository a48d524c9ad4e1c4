# Tian et al., 2020: contrast with 16384 other images from a memory of all. Weight
# 0.8, temperature 0.07 and momentum 0.5 of the paper.
crd_neg_num = 16384

distiller = dict(
    student_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap'),
        data_samples=dict(type='ModuleInputs', source='')),
    teacher_recorders=dict(
        feat=dict(type='ModuleOutputs', source='neck.gap')),
    distill_losses=dict(
        loss_crd=dict(
            type='CRDLoss',
            loss_weight=0.8,
            temperature=0.07,
            momentum=0.5,
            neg_num=crd_neg_num)),
    loss_forward_mappings=dict(
        loss_crd=dict(
            s_feats=dict(from_student=True, recorder='feat', connector='student'),
            t_feats=dict(from_student=False, recorder='feat', connector='teacher'),
            data_samples=dict(
                from_student=True, recorder='data_samples', data_idx=1))))
