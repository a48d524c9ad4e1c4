# kda-weights-digits in 10 epochs, its parts in proportion.
_base_ = ['./kda-weights-digits.py']

title = 'KDA on Digits: loss weight, 10 epochs'
epochs = 10
