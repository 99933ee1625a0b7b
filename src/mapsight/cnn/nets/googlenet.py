"""GoogLeNet (Szegedy et al. 2014): nine inception modules, two auxiliary classifiers for training.

`norm=False` is the paper's net: biases, 5×5 convolutions, local response normalisation. `norm=True`
is torchvision's, whose published weights load: batch norm everywhere, and 3×3 where the paper has
5×5.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import scale_width, start_he

# the paper's table 1: inputs; 1×1; 3×3 reduce, 3×3; 5×5 reduce, 5×5; pool projection
_INCEPTIONS: dict[str, tuple[int, ...]] = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}
_AUX_AFTER = {"4a": "aux1", "4d": "aux2"}
_Conv = Callable[..., nn.Module]


class GoogLeNet(nn.Module):
    """(B, 3, 224, 224) → (B, classes); in training with auxiliaries (logits, of 4a, of 4d)."""

    def __init__(
        self,
        *,
        norm: bool = True,
        auxiliaries: bool = True,
        classes: int = 1000,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        conv: _Conv = _NormConv if norm else _BiasConv
        wide = partial(scale_width, width=width)
        self.conv1 = conv(3, wide(64), 7, stride=2, padding=3)
        self.conv2 = conv(wide(64), wide(64), 1)
        self.conv3 = conv(wide(64), wide(192), 3, padding=1)
        self.respond = (
            nn.Identity() if norm else nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
        )
        maps = wide(192)
        for name, row in _INCEPTIONS.items():
            module = Inception(maps, tuple(wide(n) for n in row[1:]), conv, large=3 if norm else 5)
            maps = module.maps
            setattr(self, f"inception{name}", module)
            if auxiliaries and name in _AUX_AFTER:
                setattr(self, _AUX_AFTER[name], Auxiliary(maps, conv, classes, width))
        self.auxiliaries = auxiliaries
        self.dropout = nn.Dropout(0.2 if norm else 0.4)
        self.fc = nn.Linear(maps, classes)
        start_he(self)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        x = self.respond(_pool(self.conv1(x)))  # (B, 64, 56, 56)
        x = _pool(self.respond(self.conv3(self.conv2(x))))  # (B, 192, 28, 28)
        aside: list[Tensor] = []
        for name in _INCEPTIONS:
            if name in ("4a", "5a"):
                x = _pool(x)
            x = getattr(self, f"inception{name}")(x)
            if self.training and self.auxiliaries and name in _AUX_AFTER:
                aside.append(getattr(self, _AUX_AFTER[name])(x))
        x = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)
        logits = self.fc(self.dropout(x))
        return (logits, aside[0], aside[1]) if aside else logits


class Inception(nn.Module):
    """Four views of the same maps, side by side: 1×1, 3×3, 5×5 (or 3×3), pooled."""

    def __init__(self, inputs: int, row: tuple[int, ...], conv: _Conv, *, large: int) -> None:
        super().__init__()
        one, reduce_three, three, reduce_five, five, pooled = row
        self.maps = one + three + five + pooled
        self.branch1 = conv(inputs, one, 1)
        self.branch2 = nn.Sequential(
            conv(inputs, reduce_three, 1), conv(reduce_three, three, 3, padding=1)
        )
        self.branch3 = nn.Sequential(
            conv(inputs, reduce_five, 1), conv(reduce_five, five, large, padding=large // 2)
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), conv(inputs, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(
            [self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1
        )


class Auxiliary(nn.Module):
    """A classifier half-way up, which brings the gradient to the lower layers; not used after
    training.
    """

    def __init__(self, inputs: int, conv: _Conv, classes: int, width: float) -> None:
        super().__init__()
        maps, hidden = scale_width(128, width), scale_width(1024, width)
        self.conv = conv(inputs, maps, 1)
        self.fc1 = nn.Linear(maps * 4 * 4, hidden)
        self.fc2 = nn.Linear(hidden, classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4)))
        logits: Tensor = self.fc2(self.dropout(F.relu(self.fc1(torch.flatten(x, 1)))))
        return logits


class _NormConv(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _BiasConv(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x))


def _pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2, ceil_mode=True)
