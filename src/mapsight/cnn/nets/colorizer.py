"""Zhang's colorizer (Zhang, Isola, Efros 2016): from lightness to one of 313 colours a pixel.

Blocks of convolutions, a batch norm (without scale and shift, as in the authors' Caffe net) at the
end of each; strides instead of pools, dilation instead of a fourth stride.
"""

from __future__ import annotations

from torch import Tensor, nn

from mapsight.cnn.blocks import scale_width, start_he

# maps of the block's convolutions, stride of its last one, dilation
_BLOCKS = (
    ((64, 64), 2, 1),
    ((128, 128), 2, 1),
    ((256, 256, 256), 2, 1),
    ((512, 512, 512), 1, 1),
    ((512, 512, 512), 1, 2),
    ((512, 512, 512), 1, 2),
    ((512, 512, 512), 1, 1),
)
_LAST = 256


class Colorizer(nn.Module):
    """(B, 1, H, W) lightness, about −1 to 1 → (B, outputs, H/4, W/4) logits of the colours; H and W
    multiples of 8.

    With outputs=2 it is the paper's rival that regresses ab directly.
    """

    stride_px = 8

    def __init__(self, *, outputs: int = 313, width: float = 1.0) -> None:
        super().__init__()
        maps = 1
        layers: list[nn.Module] = []
        for full, stride, dilation in _BLOCKS:
            for at, number in enumerate(full):
                wanted, step = scale_width(number, width), stride if at == len(full) - 1 else 1
                layers.append(nn.Conv2d(maps, wanted, 3, step, dilation, dilation))
                layers.append(nn.ReLU(inplace=True))
                maps = wanted
            layers.append(nn.BatchNorm2d(maps, affine=False))
        self.blocks = nn.Sequential(*layers)
        last = scale_width(_LAST, width)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(maps, last, 4, 2, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(last, last, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(last, last, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Conv2d(last, outputs, 1)
        start_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(self.blocks(x))  # (B, 512, H/8, W/8) → (B, 256, H/4, W/4)
        logits: Tensor = self.head(x)  # (B, 313, H/4, W/4)
        return logits
