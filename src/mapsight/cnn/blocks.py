"""The few layers that more than one net is built of."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

_GROUP_CHANNELS = 16  # Wu & He 2018: 16 channels a group do as well as 32 groups

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(max(channels // _GROUP_CHANNELS, 1), channels),
}


class ConvNorm(nn.Sequential):
    """3×3 (or k×k) 'same' convolution → norm → ReLU; (B, inputs, H, W) → (B, outputs, H/stride,
    W/stride).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        norm: str = "batch",
    ) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False),
            NORMS[norm](outputs),
            nn.ReLU(inplace=True),
        )


class DilatedContext(nn.Module):
    """Residual 3×3 convolutions with growing dilation: sees far without leaving the grid
    (D-LinkNet, CVPRW 2018).
    """

    def __init__(self, width: int, dilations: tuple[int, ...], *, norm: str = "batch") -> None:
        super().__init__()
        self.steps = nn.ModuleList(ConvNorm(width, width, dilation=d, norm=norm) for d in dilations)

    def forward(self, x: Tensor) -> Tensor:  # (B, width, H, W) → the same
        for step in self.steps:
            x = x + step(x)
        return x


def upsample_to(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear (B, C, h, w) → (B, C, H, W) of `like`."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def pad_to_steps(x: Tensor, step: int, least: int = 0) -> Tensor:
    """(B, C, H, W) with its last row and column repeated until both sides are multiples of `step`,
    `least` or more.
    """
    below, right = (max(-size % step, least - size) for size in x.shape[-2:])
    return F.pad(x, (0, right, 0, below), mode="replicate") if below or right else x


def scale_width(channels: int, width: float) -> int:
    """Channels times a width factor, as an even number (some nets cut their channels into two
    groups).
    """
    return max(2, 2 * round(channels * width / 2))


def start_he(net: nn.Module) -> None:
    """He's start for layers in front of a ReLU (He et al. 2015): keeps the size of the signal
    through many layers.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
