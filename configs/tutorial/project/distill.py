# Teacher, student and what is recorded of both. A method adds its losses.
_base_ = './base.py'

of_teacher = _base_.networks[_base_.teacher]

model = dict(
    _scope_='mmrazor',
    type='SingleTeacherDistill',
    data_preprocessor=dict(_base_.data_preprocessor, type='mmpretrain.ClsDataPreprocessor'),
    teacher=dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        backbone=of_teacher.backbone,
        neck=of_teacher.neck,
        head=of_teacher.head),
    teacher_ckpt=_base_.teacher_ckpt,
    architecture=dict(_base_.student_network, _scope_='mmpretrain'),
    distiller=dict(
        type='ConfigurableDistiller',
        student_recorders=dict(
            feature=dict(type='ModuleInputs', source=_base_.of_student.layer),
            logits=dict(type='ModuleOutputs', source=_base_.of_student.layer),
            gt_label=dict(type='ModuleInputs', source='head.loss_module')),
        teacher_recorders=dict(
            feature=dict(type='ModuleInputs', source=of_teacher.layer),
            logits=dict(type='ModuleOutputs', source=of_teacher.layer))))
val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')  # validates the teacher too

# Hinton et al.: softened scores, with Tian et al.'s weights, a tenth of the labels' loss
# beside them.
kd = dict(
    architecture=dict(head=dict(loss=dict(loss_weight=0.1))),
    distiller=dict(
        distill_losses=dict(loss_kd=dict(type='KLDivergence', tau=4, loss_weight=0.9)),
        loss_forward_mappings=dict(
            loss_kd=dict(
                preds_S=dict(from_student=True, recorder='logits'),
                preds_T=dict(from_student=False, recorder='logits')))))

# KDA: the features, turned by the class centres of each network, and correlated.
kda = dict(
    distiller=dict(
        distill_losses=dict(
            loss_kda=dict(
                type='KDALoss',
                preset='nystrom_correlation',
                loss_weight=10,
                landmarks=dict(type='class_center', num_landmarks=_base_.num_classes))),
        loss_forward_mappings=dict(
            loss_kda=dict(
                s_feature=dict(from_student=True, recorder='feature', data_idx=0),
                t_feature=dict(from_student=False, recorder='feature', data_idx=0),
                gt_label=dict(from_student=True, recorder='gt_label', data_idx=1)))))
landmarks = dict(type='LandmarkHook', warmup_epochs=_base_.epochs // 20)
