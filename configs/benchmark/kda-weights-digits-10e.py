# kda-weights-digits in 10 epochs, its parts in proportion. Give it the teacher of that suite:
# these options are for every run, and would train another one.
_base_ = ['./kda-weights-digits.py']

title = 'KDA on Digits: loss weight, 10 epochs'

options = {
    'train_cfg.max_epochs': 10,
    'train_cfg.val_interval': 10,
    'param_scheduler.0.end': 1,
    'param_scheduler.1.begin': 1,
    'param_scheduler.1.T_max': 9,
    'param_scheduler.1.end': 10,
}
late = dict(options={'custom_hooks.0.warmup_epochs': 1})
methods = {
    'KDA pre-FC, weight 1': late,
    'KDA pre-FC, weight 3': late,
    'KDA pre-FC, weight 10': late,
    'KDA pre-FC, weight 30': late,
}
