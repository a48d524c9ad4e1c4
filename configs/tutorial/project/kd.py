# KD: the class scores.
_base_ = './distill.py'

work_dir = f'work_dirs/{_base_.name}/kd'
model = _base_.kd
