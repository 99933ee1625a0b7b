"""VGG (Simonyan & Zisserman 2014): 3×3 convolutions only, deeper. Names are torchvision's:
published weights load.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsight.cnn.blocks import scale_width, start_he

# maps of the convolutions of each of the five blocks; a 2×2 max pool ends a block
BLOCKS: dict[str, tuple[tuple[int, ...], ...]] = {
    "vgg11": ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    "vgg13": ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512)),
    "vgg16": ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
    "vgg19": ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4),
}
_HIDDEN = 4096


class VGG(nn.Module):
    """(B, 3, 224, 224) → (B, classes); `norm` puts a batch norm behind every convolution."""

    def __init__(
        self, variant: str = "vgg16", *, norm: bool = False, classes: int = 1000, width: float = 1.0
    ) -> None:
        super().__init__()
        self.features = make_features(BLOCKS[variant], norm=norm, width=width)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        maps, hidden = scale_width(BLOCKS[variant][-1][-1], width), scale_width(_HIDDEN, width)
        self.classifier = nn.Sequential(
            nn.Linear(maps * 7 * 7, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(hidden, classes),
        )
        start_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(torch.flatten(x, 1))  # (B, classes)
        return logits


def make_features(
    blocks: tuple[tuple[int, ...], ...], *, norm: bool = False, width: float = 1.0
) -> nn.Sequential:
    """The convolutional part: (B, 3, H, W) → (B, maps, H/32, W/32)."""
    layers: list[nn.Module] = []
    maps = 3
    for block in blocks:
        for full in block:
            wanted = scale_width(full, width)
            layers.append(nn.Conv2d(maps, wanted, 3, padding=1))
            layers += (
                [nn.BatchNorm2d(wanted), nn.ReLU(inplace=True)] if norm else [nn.ReLU(inplace=True)]
            )
            maps = wanted
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)
