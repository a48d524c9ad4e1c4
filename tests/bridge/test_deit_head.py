"""mmrazor's DeiTClsHead on the tokens of either mmcls or mmpretrain."""

import torch
from mmrazor.models import DeiTClsHead

from mmnystrom.bridge import deit_head


def test_either_kind_of_tokens():
    head = DeiTClsHead(num_classes=3, in_channels=4)
    patches, tokens = torch.rand(2, 9, 4), torch.rand(2, 2, 4)
    expected = head.layers.head(tokens[0])
    torch.testing.assert_close(head([tuple(tokens)]), expected)
    torch.testing.assert_close(head([(patches, *tokens)]), expected)


def test_the_break_is_seen(monkeypatch):
    stock = getattr(DeiTClsHead.pre_logits, '__wrapped__', DeiTClsHead.pre_logits)
    monkeypatch.setattr(DeiTClsHead, 'pre_logits', stock)
    assert deit_head.is_broken()
    deit_head.apply()
    assert not deit_head.is_broken()
