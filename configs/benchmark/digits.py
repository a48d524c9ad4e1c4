# Handwritten digits: a quarter of an hour on two CPU cores, nothing to download.
_base_ = ['./_base_/methods.py']

title = 'Digits'
pair = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'
first_stage = 'resnet18-w16_resnet18-w8_1xb32-7e_digits'
teacher = 'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py'
student = 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py'

# 60 of the 200 training images are held out, so that the trials say little by themselves.
tune = dict(trials=5, seeds=2, validation=0.3)
