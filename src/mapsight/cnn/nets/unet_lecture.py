"""The U-Net of the lecture's road project, to the layer: 31,032,837 parameters.

Klein & Goschenhofer's consulting project: RGB in, widths 64 to 1024, dropout at the two deepest
levels, nearest-neighbour upsampling with 2×2 convolutions, and a two-channel ReLU in front of the
last 1×1 convolution (which can die: kept here for faithfulness, not used in our own nets).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_WIDTHS = (64, 128, 256, 512, 1024)
_DROPPED_LEVELS = (3, 4)


class UNetLecture(nn.Module):
    """(B, 3, H, W) in [0, 1] → (B, 1, H, W) logits; H and W divisible by 16."""

    stride_px = 16

    def __init__(self, widths: tuple[int, ...] = _WIDTHS, dropout: float = 0.5) -> None:
        super().__init__()
        inputs = (3, *widths[:-1])
        self.encoder = nn.ModuleList(
            _double_conv(i, o) for i, o in zip(inputs, widths, strict=True)
        )
        self.drop = nn.Dropout(dropout)
        upward = list(zip(widths[:0:-1], widths[-2::-1], strict=True))  # (1024, 512) … (128, 64)
        self.up = nn.ModuleList(nn.Conv2d(i, o, 2) for i, o in upward)
        self.decoder = nn.ModuleList(_double_conv(2 * o, o) for _, o in upward)
        self.head = nn.Conv2d(widths[0], 2, 3, padding=1)
        self.last = nn.Conv2d(2, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level, convs in enumerate(self.encoder):
            x = convs(x if level == 0 else F.max_pool2d(x, 2))
            if level in _DROPPED_LEVELS:
                x = self.drop(x)
            skips.append(x)
        skips.pop()
        for up, convs in zip(self.up, self.decoder, strict=True):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = F.relu(up(F.pad(x, (0, 1, 0, 1))))  # 'same' for an even kernel: pad right and below
            x = convs(torch.cat([skips.pop(), x], dim=1))
        logits: Tensor = self.last(F.relu(self.head(x)))  # (B, 1, H, W)
        return logits


def _double_conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
    )
