# mmpretrain's own runtime, and the one line that turns mmnystrom on.
_base_ = ['mmpretrain::_base_/default_runtime.py']

custom_imports = dict(imports=['mmnystrom'], allow_failed_imports=False)

default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=1))

# Seeded runs repeat; --cfg-options randomness.seed=1 is another.
randomness = dict(seed=0)
