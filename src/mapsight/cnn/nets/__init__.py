"""One architecture a file; the two tables below are the one place where a name becomes a net.

`NETS` are the road nets: images (B, 3, H, W) in, one logit a pixel out; `mapsight train --net`
takes any of them. `ZOO_NETS` are the nets of other tasks: each row says what the net takes and
gives. Recipes of the zoo use both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mapsight.cnn.nets.alexnet import AlexNet
from mapsight.cnn.nets.colorizer import Colorizer
from mapsight.cnn.nets.deconvnet import DeconvNet
from mapsight.cnn.nets.digits import DigitCNN, DigitDense
from mapsight.cnn.nets.digits_small import DigitsSmall
from mapsight.cnn.nets.emotion import EmotionCNN, EmotionLSTM
from mapsight.cnn.nets.fcn import FCN
from mapsight.cnn.nets.googlenet import GoogLeNet
from mapsight.cnn.nets.litenet import VARIANTS as LITE_VARIANTS
from mapsight.cnn.nets.litenet import LiteNet
from mapsight.cnn.nets.mnih import MnihPatch
from mapsight.cnn.nets.pilotnet import PilotNet
from mapsight.cnn.nets.reader import Reader
from mapsight.cnn.nets.resnet import ResNet
from mapsight.cnn.nets.resnet9 import ResNet9
from mapsight.cnn.nets.roadnet import VARIANTS, RoadNet
from mapsight.cnn.nets.translator import Translator
from mapsight.cnn.nets.unet2015 import UNet2015
from mapsight.cnn.nets.unet_lecture import UNetLecture
from mapsight.cnn.nets.vgg import VGG
from mapsight.errors import InputError

NETS: dict[str, Callable[[], nn.Module]] = {
    **{name: partial(RoadNet, shape) for name, shape in VARIANTS.items()},
    **{name: partial(LiteNet, shape) for name, shape in LITE_VARIANTS.items()},
    "unet-lecture": UNetLecture,
    "unet-small": partial(
        UNetLecture, (16, 32, 64, 128, 256)
    ),  # a quarter as wide: what a processor can train
}


@dataclass(frozen=True)
class ZooNet:
    """A net of the zoo: how it is made, the shapes of one item at its full size, and whose it
    is.
    """

    make: Callable[..., nn.Module]
    takes: tuple[tuple[int, ...], ...]  # one shape an input, without the batch
    gives: tuple[int, ...]
    source: str
    words: int = 0  # inputs are tokens below this number; 0: floats

    def make_inputs(self, batch: int) -> tuple[Tensor, ...]:
        """Random inputs of the right shapes and types."""
        if self.words:
            return tuple(torch.randint(4, self.words, (batch, *shape)) for shape in self.takes)
        return tuple(torch.rand(batch, *shape) for shape in self.takes)


_PHOTO, _IMAGENET = ((3, 224, 224),), (1000,)
_VGG, _RESNET = "Simonyan & Zisserman 2014", "He et al. 2015"

ZOO_NETS: dict[str, ZooNet] = {
    "digit-cnn": ZooNet(DigitCNN, ((1, 28, 28),), (10,), "the lecture, 'CNN in MXNet'"),
    "digit-dense": ZooNet(DigitDense, ((1, 28, 28),), (10,), "the dense peer of the lecture's CNN"),
    "digits-small": ZooNet(DigitsSmall, ((1, 28, 28),), (10,), "the lecture's CNN in small"),
    "alexnet-2012": ZooNet(
        partial(AlexNet, "alexnet-2012"), ((3, 227, 227),), _IMAGENET, "Krizhevsky et al. 2012"
    ),
    "alexnet": ZooNet(partial(AlexNet, "alexnet"), _PHOTO, _IMAGENET, "Krizhevsky 2014"),
    **{
        name + "-bn" * norm: ZooNet(partial(VGG, name, norm=norm), _PHOTO, _IMAGENET, _VGG)
        for name in ("vgg11", "vgg13", "vgg16", "vgg19")
        for norm in (False, True)
    },
    "googlenet-2014": ZooNet(
        partial(GoogLeNet, norm=False), _PHOTO, _IMAGENET, "Szegedy et al. 2014"
    ),
    "googlenet": ZooNet(
        partial(GoogLeNet, norm=True), _PHOTO, _IMAGENET, "Szegedy et al. 2014, with batch norm"
    ),
    **{
        name: ZooNet(partial(ResNet, name), _PHOTO, _IMAGENET, _RESNET)
        for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
    },
    "resnet9": ZooNet(ResNet9, ((3, 32, 32),), (10,), "Page 2018"),
    **{
        name: ZooNet(partial(FCN, name), _PHOTO, (21, 224, 224), "Long et al. 2015")
        for name in ("fcn32s", "fcn16s", "fcn8s")
    },
    "deconvnet": ZooNet(DeconvNet, _PHOTO, (21, 224, 224), "Noh et al. 2015"),
    "unet-2015": ZooNet(UNet2015, ((1, 572, 572),), (2, 388, 388), "Ronneberger et al. 2015"),
    "mnih-patch": ZooNet(MnihPatch, ((3, 64, 64),), (1, 16, 16), "Mnih 2013"),
    "pilotnet": ZooNet(PilotNet, ((3, 66, 200),), (1,), "Bojarski et al. 2016"),
    "colorizer": ZooNet(Colorizer, ((1, 224, 224),), (313, 56, 56), "Zhang et al. 2016"),
    "colorizer-ab": ZooNet(
        partial(Colorizer, outputs=2),
        ((1, 224, 224),),
        (2, 56, 56),
        "Zhang et al. 2016, its rival that regresses ab",
    ),
    "emotion-cnn": ZooNet(EmotionCNN, ((8, 1, 40, 50),), (4,), "after Anand & Verma 2015"),
    "emotion-lstm": ZooNet(EmotionLSTM, ((8, 1, 40, 50),), (4,), "after Anand & Verma 2015"),
    "reader": ZooNet(Reader, ((1, 28, 28),), (62,), "after Good 2015"),
    "translator": ZooNet(
        Translator, ((12,), (10,)), (10, 8000), "after Good 2015; Cho 2014, Luong 2015", words=8000
    ),
}


def make_net(name: str) -> nn.Module:
    """A freshly initialised road net by its name in `NETS`; raises InputError for a name that is
    not there.
    """
    if name not in NETS:
        raise InputError(f"net '{name}'", "unknown", f"choose one of {', '.join(NETS)}")
    return NETS[name]()


def make_zoo_net(name: str, **options: Any) -> nn.Module:
    """A freshly initialised net of either table; raises InputError for an unknown name or options
    it does not have.
    """
    if name not in ZOO_NETS and name not in NETS:
        raise InputError(
            f"net '{name}'", "unknown", f"choose one of {', '.join((*ZOO_NETS, *NETS))}"
        )
    make = ZOO_NETS[name].make if name in ZOO_NETS else NETS[name]
    try:
        return make(**options)
    except TypeError as error:
        raise InputError(
            f"net '{name}'", f"does not take these options ({error})", "see its file in cnn/nets"
        ) from None


def count_parameters(net: nn.Module) -> int:
    """Trainable parameters; buffers such as running means are not counted."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)
