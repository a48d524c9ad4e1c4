_base_ = [
    '../../../_base_/pairs/deit-small_resnet18_8xb32_in1k.py',
    '../../../_base_/distillers/kda.py',
]

_base_.distiller.distill_losses.loss_kda.update(
    **_base_.kda_losses[_base_.kda_loss.neck])
_base_.distiller.distill_losses.loss_kda.landmarks.update(
    num_landmarks=_base_.num_classes)

# The teacher's tokens behind its last norm; pooled to the class token, which is what
# its classifier sees (token_pool='mean' takes the mean of all).
_base_.distiller.teacher_recorders.feat.update(source='backbone.ln1')
_base_.distiller.loss_forward_mappings.loss_kda.t_feature.update(
    connector='tokens')

model = dict(
    distiller=dict(
        connectors=dict(tokens=dict(type='PoolConnector', token_pool='cls')),
        **_base_.distiller))
