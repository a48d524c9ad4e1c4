"""Break: mmrazor's DeiTClsHead unpacks three tensors, and mmpretrain's backbone gives two.

Where: ``mmrazor/models/architectures/heads/deit_head.py:53`` expects the patch tokens before the class
and the distillation token, as mmcls gave them; mmpretrain leaves them out.
Cure: where there are two, the head is given None in the place of the patch tokens, which it ignores.
Can go: once mmrazor's head is written for mmpretrain.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace

NAME = 'DeiTClsHead with mmpretrain'


def is_broken() -> bool:
    """Whether the head refuses a pair of tokens."""
    from mmrazor.models import DeiTClsHead

    try:  # without building one: its base may be a placeholder, if mmrazor was imported too early
        DeiTClsHead.pre_logits(SimpleNamespace(hidden_dim=None), [(None, None)])
    except ValueError:
        return True
    return False


def apply() -> None:
    """Wrap the method that unpacks."""
    from mmrazor.models import DeiTClsHead

    pre_logits = DeiTClsHead.pre_logits

    @functools.wraps(pre_logits)
    def with_patch_tokens(self, feats):
        if len(feats[-1]) == 2:
            feats = (*feats[:-1], (None, *feats[-1]))
        return pre_logits(self, feats)

    DeiTClsHead.pre_logits = with_patch_tokens
