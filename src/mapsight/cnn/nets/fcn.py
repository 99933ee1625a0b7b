"""Fully convolutional nets (Long, Shelhamer, Darrell 2015): VGG-16 as one big filter, its scores
made large again.

As published: the first convolution pads by 100 px, the scores are enlarged by transposed
convolutions and cropped where they lie over the image. The last enlargement is fixed bilinear,
those before it start bilinear and learn. `features` has the names of torchvision's VGG-16;
`start_from_vgg16` takes over its published weights, dense layers included.

Two options for nets that start from nothing: `norm` puts a batch norm behind each convolution of
VGG; without `border` fc6 pads by its own three pixels, which spares what the wide border costs (of
240 × 180 px, three quarters).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import scale_width, start_he
from mapsight.cnn.nets.vgg import BLOCKS, make_features

# the stride at which scores are made, and the strides of the pools that are mixed in on the way
_VARIANTS: dict[str, tuple[int, ...]] = {"fcn32s": (32,), "fcn16s": (32, 16), "fcn8s": (32, 16, 8)}
_BORDER_PX = 100
_CROPS = {"fcn32s": (19,), "fcn16s": (5, 27), "fcn8s": (5, 9, 31)}  # as in the authors' nets


class FCN(nn.Module):
    """(B, 3, H, W) → (B, classes, H, W) scores of the same size."""

    bilinear: Tensor  # (classes, 1, size, size)

    def __init__(
        self,
        variant: str = "fcn32s",
        *,
        classes: int = 21,
        width: float = 1.0,
        norm: bool = False,
        border: bool = True,
    ) -> None:
        super().__init__()
        self.strides, self.crops, self.border = _VARIANTS[variant], _CROPS[variant], border
        self.features = make_features(BLOCKS["vgg16"], norm=norm, width=width)
        first = self.features[0]
        assert isinstance(first, nn.Conv2d)
        if border:
            first.padding = (_BORDER_PX, _BORDER_PX)
        for module in self.features:
            if isinstance(module, nn.MaxPool2d):
                module.ceil_mode = True
        maps, hidden = scale_width(512, width), scale_width(4096, width)
        self.fc6 = nn.Conv2d(maps, hidden, 7, padding=0 if border else 3)
        self.fc7 = nn.Conv2d(hidden, hidden, 1)
        self.drop = nn.Dropout()
        self.score = nn.Conv2d(hidden, classes, 1)
        mixed = self.strides[1:]
        inputs = {16: scale_width(512, width), 8: scale_width(256, width)}
        self.side = nn.ModuleList(nn.Conv2d(inputs[stride], classes, 1) for stride in mixed)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(classes, classes, 4, 2, bias=False) for _ in mixed
        )
        start_he(self)
        for layer in (self.score, *self.side):
            nn.init.zeros_(layer.weight)  # as published: scores start at nothing
        for up in self.up:
            weight = _bilinear(4) * torch.eye(classes)[:, :, None, None]
            up.weight.data.copy_(weight)  # type: ignore[operator]
        size = 2 * self.strides[-1]
        self.register_buffer(
            "bilinear", _bilinear(size).expand(classes, 1, size, size).clone(), persistent=False
        )

    def forward(self, image: Tensor) -> Tensor:
        x = image
        pools: dict[int, Tensor] = {}  # by stride
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pools[2 ** (len(pools) + 1)] = x
        x = self.drop(F.relu(self.fc6(x)))
        x = self.score(self.drop(F.relu(self.fc7(x))))
        for stride, crop, side, up in zip(
            self.strides[1:], self.crops, self.side, self.up, strict=False
        ):
            x, finer = up(x), side(pools[stride])
            x = x + _crop(finer, crop, x) if self.border else _crop(x, 1, finer) + finer
        x = F.conv_transpose2d(
            x, self.bilinear, stride=self.strides[-1], groups=self.bilinear.shape[0]
        )
        return _crop(x, self.crops[-1] if self.border else self.strides[-1] // 2, image)


def start_from_vgg16(net: FCN, weights: dict[str, Tensor]) -> None:
    """Takes over VGG-16's weights (torchvision's names): its dense layers become convolutions of
    7×7 and 1×1.
    """
    with torch.no_grad():
        for name, tensor in net.features.state_dict().items():
            tensor.copy_(weights[f"features.{name}"])
        for layer, dense in ((net.fc6, "classifier.0"), (net.fc7, "classifier.3")):
            layer.weight.copy_(weights[f"{dense}.weight"].view_as(layer.weight))
            layer.bias.copy_(weights[f"{dense}.bias"])  # type: ignore[union-attr]


def _crop(x: Tensor, at: int, like: Tensor) -> Tensor:
    return x[..., at : at + like.shape[-2], at : at + like.shape[-1]]


def _bilinear(size: int) -> Tensor:
    """(size, size) weights of a bilinear enlargement by size / 2."""
    line = 1 - (torch.arange(size) - (size - 1) / 2).abs() / (size / 2)
    return line[:, None] * line
