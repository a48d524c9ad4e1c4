"""Teachers and students that a CPU can train."""

from __future__ import annotations

import torch
from mmpretrain.registry import MODELS

TEACHERS = {
    'ResNet': dict(type='mmpretrain.ResNet_CIFAR', depth=18, stem_channels=16, base_channels=16),
    'ConvNeXt': dict(
        type='mmpretrain.ConvNeXt',
        arch=dict(depths=[2, 2, 6, 2], channels=[24, 48, 96, 192]),
        stem_patch_size=2,
    ),
    'DeiT': dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=96, num_layers=6, num_heads=3, feedforward_channels=384),
        img_size=32,
        patch_size=4,
    ),
}
STUDENTS = {
    'ResNet': dict(type='mmpretrain.ResNet_CIFAR', depth=18, stem_channels=8, base_channels=8),
    'MobileNetV2': dict(type='mmpretrain.MobileNetV2', widen_factor=0.5),
    'ShuffleNetV2': dict(type='mmpretrain.ShuffleNetV2', widen_factor=0.5),
}
WIDTHS = dict(MobileNetV2=1280, ShuffleNetV2=1024, ConvNeXt=192, DeiT=96)


@MODELS.register_module()
class ScaledPooling(torch.nn.Module):
    """Pooled features of any backbone, times a constant."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, features: tuple) -> tuple:
        """Pool the last feature of a tuple, (N, C, H, W) or (N, C), to (N, C)."""
        last = features[-1]
        return ((last.mean((2, 3)) if last.ndim == 4 else last) * self.scale,)


def network(name: str, backbones: dict, classes: int, task: float = 1.0, scale: float = 1.0) -> dict:
    """Config of a classifier."""
    width = 8 * backbones[name]['base_channels'] if name == 'ResNet' else WIDTHS[name]
    loss = dict(type='mmpretrain.CrossEntropyLoss', loss_weight=task)
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=backbones[name],
        neck=dict(type='mmpretrain.ScaledPooling', scale=scale),
        head=dict(type='mmpretrain.LinearClsHead', num_classes=classes, in_channels=width, loss=loss),
    )
