# What the benchmark compares, three seeds each, with the teacher that is trained already.
_base_ = './settings.py'

title = _base_.name
work_dir = f'work_dirs/{_base_.name}/benchmark'
teacher = _base_.teacher_ckpt
student = 'student.py'
methods = dict(KD='kd.py', KDA='kda.py', **{'KDA + KD': 'kda_kd.py'})
seeds = 3
