"""ResNet-9 for small pictures (D. Page 2018, 'How to train your ResNet', part 6): 3×3 stem, no pool
in front, two residual blocks. He's nets for ImageNet leave 32 px at once; this one keeps them where
there is something to see.

Pools stand in front of the batch norm, as in airbench (Jordan 2024): a quarter of the values is
left to normalise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import ConvNorm, scale_width

_WIDTHS = (64, 128, 256, 512)
_TEMPER = 0.125  # logits are made smaller: the last layer learns at the pace of the others


class ResNet9(nn.Module):
    """(B, 3, H, W) → (B, classes); H and W 8 or more, 32 as published."""

    def __init__(self, *, classes: int = 10, width: float = 1.0) -> None:
        super().__init__()
        stem, first, second, third = (scale_width(full, width) for full in _WIDTHS)
        self.stem = ConvNorm(3, stem)
        self.stage1 = nn.Sequential(_pool_step(stem, first), Residual(first))
        self.stage2 = _pool_step(first, second)
        self.stage3 = nn.Sequential(_pool_step(second, third), Residual(third))
        self.fc = nn.Linear(third, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage1(self.stem(x))  # (B, 128, 16, 16)
        x = self.stage3(self.stage2(x))  # (B, 512, 4, 4)
        logits: Tensor = self.fc(torch.flatten(F.adaptive_max_pool2d(x, 1), 1))
        return _TEMPER * logits


class Residual(nn.Module):
    """Two 3×3 convolutions, plus the input."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(ConvNorm(maps, maps), ConvNorm(maps, maps))

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.steps(x)
        return x + change


def _pool_step(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
