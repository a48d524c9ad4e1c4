# mmpretrain's own runtime, and the one line that turns mmnystrom on.
_base_ = ['mmpretrain::_base_/default_runtime.py']

custom_imports = dict(imports=['mmnystrom'], allow_failed_imports=False)

# Not fewer than two: mmengine deletes the oldest before it writes the next, and a
# run that is killed in between must find one to resume from.
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2))

# Seeded runs repeat; --cfg-options randomness.seed=1 is another.
randomness = dict(seed=0)
