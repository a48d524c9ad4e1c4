_base_ = ['./kda_neck_wrn40-2_wrn16-2_1xb64-240e_cifar100.py']

# The same loss on the logits.
model = dict(
    distiller=dict(
        student_recorders=dict(feat=dict(source='head.fc')),
        teacher_recorders=dict(feat=dict(source='head.fc'))))
