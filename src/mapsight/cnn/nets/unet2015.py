"""U-Net as published (Ronneberger, Fischer, Brox 2015): 'valid' convolutions, so the map is smaller
than the image.

572 px in, 388 px out. A large image is cut into tiles whose inputs overlap, its border mirrored
(`segment_tiles`): every pixel of the result is seen as if the image had been segmented in one
piece.

`padded` makes the map as large as the image, `norm` puts a batch norm behind each convolution:
later habits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import pad_to_steps, scale_width, start_he

_WIDTHS = (64, 128, 256, 512, 1024)
_BORDER_PX = 92  # the image's edge that a tile loses on each side: (572 − 388) / 2
_STEP_PX = 16


class UNet2015(nn.Module):
    """(B, bands, H, W) → (B, classes, H − 184, W − 184), H − 188 and W − 188 multiples of 16;
    padded: any H and W.
    """

    def __init__(
        self,
        *,
        bands: int = 1,
        classes: int = 2,
        width: float = 1.0,
        dropout: float = 0.5,
        padded: bool = False,
        norm: bool = False,
    ) -> None:
        super().__init__()
        widths, self.padded = [scale_width(full, width) for full in _WIDTHS], padded
        self.encoder = nn.ModuleList(
            _double_conv(i, o, padded, norm)
            for i, o in zip((bands, *widths[:-1]), widths, strict=True)
        )
        self.drop = nn.Dropout(dropout)  # at the end of the contracting path
        upward = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(i, o, 2, 2) for i, o in upward)
        self.decoder = nn.ModuleList(_double_conv(2 * o, o, padded, norm) for _, o in upward)
        self.head = nn.Conv2d(widths[0], classes, 1)
        start_he(self)

    def forward(self, image: Tensor) -> Tensor:
        x, skips = pad_to_steps(image, _STEP_PX) if self.padded else image, []
        for level, convs in enumerate(self.encoder):
            x = convs(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        x = self.drop(skips.pop())
        for up, convs in zip(self.up, self.decoder, strict=True):
            x = up(x)
            x = convs(torch.cat([_crop_centre(skips.pop(), x), x], dim=1))
        logits: Tensor = self.head(x)
        return logits[..., : image.shape[-2], : image.shape[-1]]


@torch.inference_mode()
def segment_tiles(net: nn.Module, image: Tensor, *, tile_px: int = 388) -> Tensor:
    """The overlap-tile strategy (section 2, figure 2): (bands, H, W) of any size → (classes, H, W).

    tile_px is the side of a tile's result; tile_px − 4 must be a multiple of 16, so that the pools
    divide it.
    """
    if tile_px < 4 or (tile_px - 4) % _STEP_PX:
        raise ValueError(
            f"tile_px {tile_px}: a multiple of {_STEP_PX} plus 4 is needed, such as 388"
        )
    step = tile_px - 4  # whole pooling steps, so that every tile is pooled on the same grid
    high, wide = image.shape[-2:]
    rows, columns = range(0, high, step), range(0, wide, step)
    padded = _mirror(
        image, rows[-1] + tile_px - high + _BORDER_PX, columns[-1] + tile_px - wide + _BORDER_PX
    )
    bands = []
    for top in rows:
        parts = []
        for left in columns:
            side = tile_px + 2 * _BORDER_PX
            parts.append(
                net(padded[None, :, top : top + side, left : left + side])[0, :, :step, :step]
            )
        bands.append(torch.cat(parts, dim=-1))
    return torch.cat(bands, dim=-2)[:, :high, :wide]


def _mirror(image: Tensor, below: int, right: int) -> Tensor:
    """Mirrored 92 px above and left, `below` and `right` px beyond: by index, so that small images
    mirror often.
    """
    rows = _reflect(torch.arange(-_BORDER_PX, image.shape[-2] + below), image.shape[-2])
    columns = _reflect(torch.arange(-_BORDER_PX, image.shape[-1] + right), image.shape[-1])
    return image[:, rows][:, :, columns]


def _reflect(index: Tensor, size: int) -> Tensor:
    if size == 1:
        return torch.zeros_like(index)
    index = index.remainder(2 * size - 2)
    return torch.minimum(index, 2 * size - 2 - index)


def _double_conv(inputs: int, outputs: int, padded: bool, norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for maps in (inputs, outputs):
        layers.append(nn.Conv2d(maps, outputs, 3, padding=int(padded)))
        layers += (
            [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)] if norm else [nn.ReLU(inplace=True)]
        )
    return nn.Sequential(*layers)


def _crop_centre(x: Tensor, like: Tensor) -> Tensor:
    top, left = ((a - b) // 2 for a, b in zip(x.shape[-2:], like.shape[-2:], strict=True))
    return x[..., top : top + like.shape[-2], left : left + like.shape[-1]]
