_base_ = ['./kda_neck_resnet34_shufflenet-v2-1x_1xb256-120e_cifar100.py']

# The same loss on the logits.
model = dict(
    distiller=dict(
        student_recorders=dict(feat=dict(source='head.fc')),
        teacher_recorders=dict(feat=dict(source='head.fc'))))
