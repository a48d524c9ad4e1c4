# kda-weights-digits in 160 epochs, its parts in proportion.
_base_ = ['./kda-weights-digits.py']

title = 'KDA on Digits: loss weight, 160 epochs'
epochs = 160
