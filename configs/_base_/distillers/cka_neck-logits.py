# The CKA of a batch of features and of logits at once, as Zhou et al. (RCKA, 2024) pair
# them, here without their patches and their KD. kda_neck-logits is the same with
# landmarks. Weight 1 each, not tuned.
_base_ = ['./cka.py']

distiller = dict(
    student_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc')),
    teacher_recorders=dict(
        logits=dict(type='ModuleOutputs', source='head.fc')),
    distill_losses=dict(
        loss_cka_logits=dict(type='KDALoss', preset='cka', loss_weight=1)),
    loss_forward_mappings=dict(
        loss_cka_logits=dict(
            s_feature=dict(from_student=True, recorder='logits'),
            t_feature=dict(from_student=False, recorder='logits'))))
