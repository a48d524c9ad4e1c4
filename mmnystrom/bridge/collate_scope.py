"""Break: a data loader's ``collate_fn`` cannot stand in a base that is taken from a package.

Where: ``Config`` gives every dict of ``_base_ = 'package::...'`` a ``_scope_``, and
``Runner.build_dataloader`` hands all of the dict but ``type`` to the function: ``default_collate() got an
unexpected keyword argument '_scope_'``. Without ``default_collate``, which mmpretrain's own train.py sets
and mmrazor's does not, a batch reaches the GPU image by image.
Cure: the scope is taken out.
Can go: once mmengine takes it out.
"""

from __future__ import annotations

import functools

NAME = "collate_fn in a package's base"


def is_broken() -> bool:
    """Whether the function gets the scope."""
    from mmengine.runner import Runner
    from torch.utils.data import SequentialSampler

    loader = Runner.build_dataloader(
        dict(
            dataset=[0],
            sampler=SequentialSampler([0]),
            batch_size=1,
            collate_fn=dict(type='pseudo_collate', _scope_='mmengine'),
        )
    )
    return '_scope_' in getattr(loader.collate_fn, 'keywords', {})


def apply() -> None:
    """Wrap the runner's method, which is a static one."""
    from mmengine.runner import Runner

    build = Runner.build_dataloader

    @functools.wraps(build)
    def build_dataloader(dataloader, *args, **kwargs):
        collate = dataloader.get('collate_fn') if isinstance(dataloader, dict) else None
        if isinstance(collate, dict) and '_scope_' in collate:
            kept = {key: value for key, value in collate.items() if key != '_scope_'}
            dataloader = {**dataloader, 'collate_fn': kept}
        return build(dataloader, *args, **kwargs)

    Runner.build_dataloader = staticmethod(build_dataloader)
