"""Break: mmrazor's CRDLoss does not run on a GPU.

Where: ``mmrazor/models/losses/crd_loss.py`` takes the numbers of a batch's images from data samples and
expects them beside the features. mmcls moved whole data samples to the device; mmpretrain's
``ClsDataPreprocessor`` moves images and labels only.
Cure: the memory moves the numbers of all images at once.
Can go: once mmrazor moves them.
"""

from __future__ import annotations

import functools

NAME = 'CRDLoss leaves its indices on the CPU'


def is_broken() -> bool:
    """Whether the memory never asks for a device."""
    from mmrazor.models.losses.crd_loss import ContrastMemory

    return not {'device', 'to'} & set(ContrastMemory.forward.__code__.co_names)


def apply() -> None:
    """Wrap the forward of the memory."""
    from mmrazor.models.losses.crd_loss import ContrastMemory

    forward = ContrastMemory.forward

    @functools.wraps(forward)
    def on_one_device(self, feat_s, feat_t, idx, sample_idx=None):
        idx = idx.to(feat_s.device)
        if sample_idx is None:
            # As the forward does it, which draws on the CPU.
            drawn = self.multinomial.draw(len(feat_s) * (self.neg_sample + 1))
            sample_idx = drawn.view(len(feat_s), -1).to(feat_s.device)
            sample_idx.select(1, 0).copy_(idx)
        return forward(self, feat_s, feat_t, idx, sample_idx.to(feat_s.device))

    ContrastMemory.forward = on_one_device
