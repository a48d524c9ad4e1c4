# KDA and KD together.
_base_ = './kda.py'

work_dir = f'work_dirs/{_base_.name}/kda_kd'
model = _base_.kd
