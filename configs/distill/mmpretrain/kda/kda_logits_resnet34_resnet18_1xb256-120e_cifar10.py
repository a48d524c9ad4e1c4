_base_ = ['./kda_neck_resnet34_resnet18_1xb256-120e_cifar10.py']

# The same loss on the logits.
model = dict(
    distiller=dict(
        student_recorders=dict(feat=dict(source='head.fc')),
        teacher_recorders=dict(feat=dict(source='head.fc'))))
