"""Our default: a U-Net that leaves full resolution at once, for laptops.

Space-to-depth replaces the expensive full-resolution levels (Shi et al. 2016, run backwards); a
dilated stack at the bottom gives the wide view that roads under trees need (Zhou et al., D-LinkNet,
CVPRW 2018).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import ConvNorm, DilatedContext, upsample_to


@dataclass(frozen=True)
class RoadNetShape:
    """`stem_px`² pixels become one cell; `widths` are the channels of the levels, each half as fine
    as the last.
    """

    stem_px: int
    widths: tuple[int, ...]
    dilations: tuple[int, ...] = (1, 2, 4)
    norm: str = "batch"  # or "group"


# which of them is the default, and why: docs/experiments.md
VARIANTS: dict[str, RoadNetShape] = {
    "roadnet": RoadNetShape(2, (32, 64, 96, 128)),
    "roadnet-wide": RoadNetShape(2, (48, 96, 128, 192)),
    "roadnet-tiny": RoadNetShape(2, (16, 32, 48, 64)),
    "roadnet-light": RoadNetShape(4, (64, 96, 128, 160)),
}


class RoadNet(nn.Module):
    """(B, 3, H, W) scaled images → (B, 1, H, W) logits; H and W divisible by `stride_px`."""

    def __init__(self, shape: RoadNetShape) -> None:
        super().__init__()
        self.shape = shape
        widths, norm = shape.widths, shape.norm
        self.stride_px = shape.stem_px * 2 ** (len(widths) - 1)
        inputs = (3 * shape.stem_px**2, *widths[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(ConvNorm(i, o, norm=norm), ConvNorm(o, o, norm=norm))
            for i, o in zip(inputs, widths, strict=True)
        )
        self.context = DilatedContext(widths[-1], shape.dilations, norm=norm)
        upward = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.squeeze = nn.ModuleList(ConvNorm(i, o, 1, norm=norm) for i, o in upward)
        self.decoder = nn.ModuleList(ConvNorm(2 * o, o, norm=norm) for _, o in upward)
        self.head = nn.Conv2d(widths[0], shape.stem_px**2, 3, padding=1)
        nn.init.constant_(self.head.bias, -2.0)  # type: ignore[arg-type]  # roads are about a tenth of the pixels

    def forward(self, x: Tensor) -> Tensor:
        x = F.pixel_unshuffle(x, self.shape.stem_px)  # (B, 3·s², H/s, W/s)
        skips = []
        for level, convs in enumerate(self.encoder):
            x = convs(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        x = self.context(skips.pop())
        for squeeze, convs in zip(self.squeeze, self.decoder, strict=True):
            skip = skips.pop()
            x = convs(torch.cat([skip, upsample_to(squeeze(x), skip)], dim=1))
        return F.pixel_shuffle(self.head(x), self.shape.stem_px)  # (B, s², H/s, W/s) → (B, 1, H, W)


def can_widen(old: RoadNetShape, new: RoadNetShape) -> bool:
    """The shapes differ in widths alone, and no level of the new one is narrower."""
    same = (
        replace(old, widths=new.widths) == new
        and len(old.widths) == len(new.widths)
        and new.norm == "batch"
    )
    return same and all(a <= b for a, b in zip(old.widths, new.widths, strict=True))


def widen(net: RoadNet, wide: RoadNet) -> None:
    """Makes a fresh, wider net say, in eval mode, what `net` says; it can learn more (after Chen et
    al. 2016).

    The new channels stay at random and nobody listens to them yet: the weights from them to the old
    ones are 0. `can_widen(net.shape, wide.shape)` must hold.
    """
    known = net.state_dict()
    for name, new in wide.state_dict().items():  # views: what is written there is the net's
        old = known[name]
        if new.ndim < 4:  # a number for each channel, or a single one
            new[tuple(slice(size) for size in old.shape)] = old
            continue
        new[: len(old)] = 0
        groups = (
            2 if name.startswith("decoder") else 1
        )  # skip and upsampled channels, one after the other
        for into, of in zip(new.chunk(groups, dim=1), old.chunk(groups, dim=1), strict=True):
            into[: of.shape[0], : of.shape[1]] = of
