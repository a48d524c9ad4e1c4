# Options that put DIST beside the loss of a KDA config, as it is by itself.
_base_ = ['../../_base_/distillers/dist.py']

parts = _base_.distiller
dist_too = {
    f'model.distiller.{part}.{name}': parts[part][name]
    for part, name in (
        ('student_recorders', 'logits'), ('teacher_recorders', 'logits'),
        ('distill_losses', 'loss_dist'), ('loss_forward_mappings', 'loss_dist'))
}
