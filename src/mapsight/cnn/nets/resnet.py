"""ResNet (He et al. 2015): each block adds to what it was given. Names are torchvision's: published
weights load.

As in torchvision the stride of a bottleneck lies in its 3×3 convolution ('v1.5'); parameters are
the paper's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import scale_width

# blocks in each of the four stages, and whether they are bottlenecks
_VARIANTS: dict[str, tuple[tuple[int, int, int, int], bool]] = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet101": ((3, 4, 23, 3), True),
    "resnet152": ((3, 8, 36, 3), True),
}
_WIDTHS = (64, 128, 256, 512)


class ResNet(nn.Module):
    """(B, 3, 224, 224) → (B, classes); `blocks` overrides how many blocks each stage has."""

    def __init__(
        self,
        variant: str = "resnet50",
        *,
        classes: int = 1000,
        width: float = 1.0,
        blocks: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        numbers, bottleneck = _VARIANTS[variant]
        kind: type[BasicBlock] | type[Bottleneck] = Bottleneck if bottleneck else BasicBlock
        maps = scale_width(_WIDTHS[0], width)
        self.conv1 = nn.Conv2d(3, maps, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(maps)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for stage, number in enumerate(blocks or numbers):
            inner = scale_width(_WIDTHS[stage], width)
            steps = []
            for at in range(number):
                steps.append(kind(maps, inner, stride=2 if stage and not at else 1))
                maps = inner * kind.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*steps))
        self.fc = nn.Linear(maps, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))  # (B, 64, 56, 56)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)  # (B, 512 or 2048, 7, 7)
        logits: Tensor = self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))  # (B, classes)
        return logits


class BasicBlock(nn.Module):
    """3×3, 3×3, plus the input."""

    expansion = 1

    def __init__(self, inputs: int, maps: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, maps, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(maps)
        self.downsample = _match(inputs, maps, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(
            self.bn2(self.conv2(y)) + (x if self.downsample is None else self.downsample(x))
        )


class Bottleneck(nn.Module):
    """1×1 down, 3×3, 1×1 up to four times the maps, plus the input."""

    expansion = 4

    def __init__(self, inputs: int, maps: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, maps, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(maps)
        self.conv3 = nn.Conv2d(maps, 4 * maps, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * maps)
        self.downsample = _match(inputs, 4 * maps, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(
            self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x))
        )


def _match(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """A projection where input and output differ in shape."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
