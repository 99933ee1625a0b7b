"""A small net that reads a letter (after Good 2015): 28 × 28 px → one of 62 signs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import ConvNorm


class Reader(nn.Module):
    """(B, 1, 28, 28) → (B, classes): digits, capitals, small letters.

    `strided`: the convolutions in front of the pools take two pixels a step in their place: half
    the arithmetic.
    """

    def __init__(
        self, *, classes: int = 62, maps: int = 32, dropout: float = 0.3, strided: bool = False
    ) -> None:
        super().__init__()
        step, pool = (2, nn.Identity()) if strided else (1, nn.MaxPool2d(2))
        self.look = nn.Sequential(
            ConvNorm(1, maps),
            ConvNorm(maps, maps, stride=step),
            pool,
            ConvNorm(maps, 2 * maps),
            ConvNorm(2 * maps, 2 * maps, stride=step),
            pool,
            ConvNorm(2 * maps, 4 * maps),
        )
        self.drop = nn.Dropout(dropout)
        self.name = nn.Linear(4 * maps, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.look(x)  # (B, 128, 7, 7)
        logits: Tensor = self.name(self.drop(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)))
        return logits
