"""A light U-Net on an encoder that has seen a million photographs: EfficientNet-Lite0.

The encoder keeps the geometry of its pretrained weights (Tan & Le 2019; the Lite variant has no
squeeze-and-excitation and ReLU6 throughout): what `benchmarks/pretrained.py` converts fits it as it
is. Dilated context and decoder are RoadNet's, with one convolution a level.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import ConvNorm, DilatedContext, upsample_to

# kernel, stride, expansion, outputs, repeats: six of the seven stages (Tan & Le 2019, table 1)
LITE0_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
)
_STEM, _EPS = 32, 1e-3  # its batch norms were trained with this epsilon
_LEVELS = (0, 1, 2, 4, 5)  # the stages whose outputs are kept: strides 2, 4, 8, 16, 32


@dataclass(frozen=True)
class LiteNetShape:
    """`widths` are the decoder's channels at strides 2, 4, 8, 16 and 32."""

    widths: tuple[int, int, int, int, int] = (32, 64, 96, 128, 128)
    dilations: tuple[int, ...] = (1, 2)


VARIANTS: dict[str, LiteNetShape] = {"litenet": LiteNetShape()}


class LiteNet(nn.Module):
    """(B, 3, H, W) scaled images → (B, 1, H, W) logits; H and W divisible by `stride_px`."""

    stride_px = 32

    def __init__(self, shape: LiteNetShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = nn.ModuleList(make_lite0())
        kept = [LITE0_STAGES[level][3] for level in _LEVELS]
        widths = shape.widths
        self.squeeze_last = ConvNorm(kept[-1], widths[-1], 1)
        self.context = DilatedContext(widths[-1], shape.dilations)
        upward = list(zip(widths[:0:-1], widths[-2::-1], kept[-2::-1], strict=True))
        self.squeeze = nn.ModuleList(ConvNorm(i, o, 1) for i, o, _ in upward)
        self.decoder = nn.ModuleList(ConvNorm(o + skip, o) for _, o, skip in upward)
        self.head = nn.Conv2d(widths[0], 4, 3, padding=1)
        nn.init.constant_(self.head.bias, -2.0)  # type: ignore[arg-type]  # roads are about a tenth

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level, stage in enumerate(self.encoder):
            x = stage(x)
            if level in _LEVELS:
                skips.append(x)
        x = self.context(self.squeeze_last(skips.pop()))
        for squeeze, convs in zip(self.squeeze, self.decoder, strict=True):
            skip = skips.pop()
            x = convs(torch.cat([skip, upsample_to(squeeze(x), skip)], dim=1))
        return F.pixel_shuffle(self.head(x), 2)  # (B, 4, H/2, W/2) → (B, 1, H, W)


def make_lite0() -> list[nn.Sequential]:
    """The stages of EfficientNet-Lite0 up to a stride of 32, the stem within the first."""
    stages, inputs = [], _STEM
    for number, (kernel, stride, expansion, outputs, repeats) in enumerate(LITE0_STAGES):
        blocks: list[nn.Module] = []
        if number == 0:
            blocks.append(nn.Sequential(*_norm_conv(3, _STEM, 3, stride=2), nn.ReLU6(inplace=True)))
        for repeat in range(repeats):
            blocks.append(
                _InvertedResidual(
                    inputs, outputs, kernel, stride=1 if repeat else stride, expansion=expansion
                )
            )
            inputs = outputs
        stages.append(nn.Sequential(*blocks))
    return stages


class _InvertedResidual(nn.Module):
    """Widen, look around channel by channel, narrow (Sandler et al. 2018); plus what came in, where
    shapes agree.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int, expansion: int
    ) -> None:
        super().__init__()
        inner = inputs * expansion
        widen = [*_norm_conv(inputs, inner, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        self.convs = nn.Sequential(
            *widen,
            *_norm_conv(inner, inner, kernel, stride=stride, groups=inner),
            nn.ReLU6(inplace=True),
            *_norm_conv(inner, outputs, 1),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.convs(x)
        return x + change if self.adds else change


class _ChannelConv(nn.Conv2d):
    """A convolution of each channel by itself. While it learns it stays out of bf16 where its
    window is wide: those gradients take a processor three times as long as in fp32.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.kernel_size[0] < 5:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def _norm_conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Padding, convolution and batch norm; at stride 2 the spare row is below and right, as where
    the weights come from.
    """
    around = kernel - stride
    before, after = around // 2, around - around // 2
    pad = [nn.ZeroPad2d((before, after, before, after))] if before != after else []
    kind = nn.Conv2d if groups == 1 else _ChannelConv
    conv = kind(inputs, outputs, kernel, stride, 0 if pad else before, groups=groups, bias=False)
    return [*pad, conv, nn.BatchNorm2d(outputs, eps=_EPS)]
