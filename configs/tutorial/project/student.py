# The student alone: what every method has to beat.
_base_ = './base.py'

work_dir = f'work_dirs/{_base_.name}/student'
model = _base_.student_network
