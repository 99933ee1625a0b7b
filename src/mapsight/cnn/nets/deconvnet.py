"""DeconvNet (Noh, Hong, Han 2015): VGG-16 down to one pixel, and its mirror image up again.

What a max pool throws away, where its maximum was, is kept (the switches): the matching unpool puts
each value back.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import pad_to_steps, scale_width, start_he
from mapsight.cnn.nets.vgg import BLOCKS

_UPWARD = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64, 64))


class DeconvNet(nn.Module):
    """(B, 3, H, W) → (B, classes, H, W) scores; inside, H and W are made multiples of 32, 224 or
    more.
    """

    stride_px, least_px = 32, 224

    def __init__(self, *, classes: int = 21, width: float = 1.0) -> None:
        super().__init__()
        hidden = scale_width(4096, width)
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        maps = 3
        for block in BLOCKS["vgg16"]:
            widths = [scale_width(full, width) for full in block]
            self.down.append(_chain(nn.Conv2d, [maps, *widths]))
            maps = widths[-1]
        self.fc6 = _step(nn.Conv2d(maps, hidden, 7), hidden)
        self.fc7 = _step(nn.Conv2d(hidden, hidden, 1), hidden)
        self.unfold = _step(nn.ConvTranspose2d(hidden, maps, 7), maps)
        for block in _UPWARD:
            widths = [scale_width(full, width) for full in block]
            self.up.append(_chain(nn.ConvTranspose2d, [maps, *widths]))
            maps = widths[-1]
        self.score = nn.Conv2d(maps, classes, 1)
        start_he(self)

    def forward(self, image: Tensor) -> Tensor:
        x, switches = pad_to_steps(image, self.stride_px, self.least_px), []
        for convs in self.down:
            x = convs(x)
            shape = x.shape
            x, where = F.max_pool2d(x, 2, return_indices=True)
            switches.append((where, shape))
        x = self.unfold(self.fc7(self.fc6(x)))  # (B, 512, 7, 7) → (B, 4096, 1, 1) → (B, 512, 7, 7)
        for convs in self.up:
            x = convs(unpool(x, *switches.pop()))
        scores: Tensor = self.score(x)
        return scores[..., : image.shape[-2], : image.shape[-1]]


def unpool(x: Tensor, switches: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Each value (B, C, h, w) back to where the max pool found it, zero elsewhere: (B, C, H, W) of
    `shape`.
    """
    flat = x.new_zeros(shape).flatten(2)
    return flat.scatter(2, switches.flatten(2), x.flatten(2)).view(shape)


def _chain(kind: type[nn.Conv2d] | type[nn.ConvTranspose2d], widths: list[int]) -> nn.Sequential:
    return nn.Sequential(
        *(_step(kind(i, o, 3, padding=1), o) for i, o in zip(widths, widths[1:], strict=False))
    )


def _step(layer: nn.Module, maps: int) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(maps), nn.ReLU(inplace=True))
