"""Our default: a U-Net that leaves full resolution at once, for laptops.

Space-to-depth by 2 replaces the two most expensive full-resolution levels (Shi et al. 2016, run backwards);
a dilated stack at the bottom gives the wide view that roads under trees need (Zhou et al., D-LinkNet, 2018).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import ConvNorm, DilatedContext, upsample_to

_VARIANTS: dict[str, tuple[int, ...]] = {
    "roadnet": (32, 64, 96, 128),
    "roadnet-wide": (48, 96, 128, 192),
    "roadnet-tiny": (16, 32, 48, 64),
}
_DILATIONS = (1, 2, 4)


class RoadNet(nn.Module):
    """(B, 3, H, W) scaled images → (B, 1, H, W) logits; H and W divisible by 16."""

    stride_px = 16

    def __init__(self, variant: str = "roadnet") -> None:
        super().__init__()
        widths = _VARIANTS[variant]
        inputs = (3 * 4, *widths[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(ConvNorm(i, o), ConvNorm(o, o)) for i, o in zip(inputs, widths, strict=True)
        )
        self.context = DilatedContext(widths[-1], _DILATIONS)
        upward = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.squeeze = nn.ModuleList(ConvNorm(i, o, 1) for i, o in upward)
        self.decoder = nn.ModuleList(ConvNorm(2 * o, o) for _, o in upward)
        self.head = nn.Conv2d(widths[0], 4, 3, padding=1)
        nn.init.constant_(self.head.bias, -2.0)  # type: ignore[arg-type]  # roads are about a tenth of the pixels

    def forward(self, x: Tensor) -> Tensor:
        x = F.pixel_unshuffle(x, 2)  # (B, 12, H/2, W/2)
        skips = []
        for level, convs in enumerate(self.encoder):
            x = convs(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        x = self.context(skips.pop())  # (B, 128, H/16, W/16)
        for squeeze, convs in zip(self.squeeze, self.decoder, strict=True):
            skip = skips.pop()
            x = convs(torch.cat([skip, upsample_to(squeeze(x), skip)], dim=1))
        return F.pixel_shuffle(self.head(x), 2)  # (B, 4, H/2, W/2) → (B, 1, H, W)
