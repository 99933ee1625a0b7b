"""AlexNet as it was (Krizhevsky, Sutskever, Hinton 2012) and as one tower (Krizhevsky 2014, arXiv
1404.5997).

The one-tower net has torchvision's names: its published weights load. The net of 2012 was cut in
two for two GPUs: its second, fourth and fifth convolution see only the half of the maps that lay on
their own GPU (two groups).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsight.cnn.blocks import scale_width, start_he

# (maps, kernel, stride, padding, groups), 'norm' = local response normalisation, 'pool' = 3×3 max
# at stride 2
_FEATURES: dict[str, tuple[tuple[int, ...] | str, ...]] = {
    "alexnet-2012": (
        (96, 11, 4, 0, 1),
        "norm",
        "pool",
        (256, 5, 1, 2, 2),
        "norm",
        "pool",
        (384, 3, 1, 1, 1),
        (384, 3, 1, 1, 2),
        (256, 3, 1, 1, 2),
        "pool",
    ),
    "alexnet": (
        (64, 11, 4, 2, 1),
        "pool",
        (192, 5, 1, 2, 1),
        "pool",
        (384, 3, 1, 1, 1),
        (256, 3, 1, 1, 1),
        (256, 3, 1, 1, 1),
        "pool",
    ),
}
_HIDDEN = 4096


class AlexNet(nn.Module):
    """(B, 3, 227, 227) for 2012, (B, 3, 224, 224) for one tower → (B, classes)."""

    def __init__(
        self, variant: str = "alexnet", *, classes: int = 1000, width: float = 1.0
    ) -> None:
        super().__init__()
        self.features, maps = _make_features(_FEATURES[variant], width)
        # 227 px end as 6 × 6; only torchvision's net takes other sizes
        self.avgpool = nn.Identity() if variant == "alexnet-2012" else nn.AdaptiveAvgPool2d((6, 6))
        hidden = scale_width(_HIDDEN, width)
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(maps * 6 * 6, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, classes),
        )
        start_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(torch.flatten(x, 1))  # (B, classes)
        return logits


def _make_features(
    table: tuple[tuple[int, ...] | str, ...], width: float
) -> tuple[nn.Sequential, int]:
    layers: list[nn.Module] = []
    maps = 3
    for row in table:
        if row == "norm":
            # the paper's α = 1e-4 weighs a sum over 5 maps, torch's a mean
            layers.append(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
        elif row == "pool":
            layers.append(nn.MaxPool2d(3, 2))
        else:
            wanted, kernel, stride, padding, groups = (int(n) for n in row)
            wanted = scale_width(wanted, width)
            layers += [
                nn.Conv2d(maps, wanted, kernel, stride, padding, groups=groups),
                nn.ReLU(inplace=True),
            ]
            maps = wanted
    return nn.Sequential(*layers), maps
