_base_ = ['./kda_neck_deit-small_resnet18_8xb32_in1k.py']

# On the logits.
model = dict(
    distiller=dict(
        student_recorders=dict(feat=dict(source='head.fc')),
        teacher_recorders=dict(feat=dict(source='head.layers.head')),
        distill_losses=dict(
            loss_kda=_base_.kda_losses[_base_.kda_loss.logits]),
        loss_forward_mappings=dict(
            loss_kda=dict(
                t_feature=dict(
                    _delete_=True, from_student=False, recorder='feat')))))
