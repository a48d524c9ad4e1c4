# KDA: the kernel of the pooled features.
_base_ = './distill.py'

work_dir = f'work_dirs/{_base_.name}/kda'
model = _base_.kda
custom_hooks = [_base_.landmarks]
