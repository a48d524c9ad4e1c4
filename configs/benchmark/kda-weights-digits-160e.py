# kda-weights-digits in 160 epochs, its parts in proportion. Give it the teacher of that suite:
# these options are for every run, and would train another one.
_base_ = ['./kda-weights-digits.py']

title = 'KDA on Digits: loss weight, 160 epochs'

options = {
    'train_cfg.max_epochs': 160,
    'train_cfg.val_interval': 160,
    'param_scheduler.0.end': 20,
    'param_scheduler.1.begin': 20,
    'param_scheduler.1.T_max': 140,
    'param_scheduler.1.end': 160,
}
late = dict(options={'custom_hooks.0.warmup_epochs': 20})
methods = {
    'KDA pre-FC, weight 1': late,
    'KDA pre-FC, weight 3': late,
    'KDA pre-FC, weight 10': late,
    'KDA pre-FC, weight 30': late,
}
