"""Break: mmrazor's CRDLoss stores its ``loss_weight`` and never reads it.

Where: ``mmrazor/models/losses/crd_loss.py:35``; its own config asks for 0.8 and trains with 1.
Cure: the loss is multiplied by the weight.
Can go: once mmrazor does. (Whoever wants the old behaviour writes ``loss_weight=1``.)
"""

from __future__ import annotations

import functools

NAME = 'CRDLoss ignores its loss_weight'


def is_broken() -> bool:
    """Whether the forward of the loss never names the weight."""
    from mmrazor.models.losses import CRDLoss

    return 'loss_weight' not in CRDLoss.forward.__code__.co_names


def apply() -> None:
    """Wrap the forward."""
    from mmrazor.models.losses import CRDLoss

    forward = CRDLoss.forward

    @functools.wraps(forward)  # mmrazor reads the names of its arguments
    def weighted(self, s_feats, t_feats, data_samples):
        return self.loss_weight * forward(self, s_feats, t_feats, data_samples)

    CRDLoss.forward = weighted
