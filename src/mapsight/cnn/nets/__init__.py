"""One architecture a file; the table below is the one place where a name becomes a net."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from mapsight.cnn.nets.digits_small import DigitsSmall
from mapsight.cnn.nets.roadnet import RoadNet
from mapsight.cnn.nets.unet_lecture import UNetLecture
from mapsight.errors import InputError

NETS: dict[str, Callable[[], nn.Module]] = {
    "roadnet": partial(RoadNet, "roadnet"),
    "roadnet-wide": partial(RoadNet, "roadnet-wide"),
    "roadnet-tiny": partial(RoadNet, "roadnet-tiny"),
    "unet-lecture": UNetLecture,
    "digits-small": DigitsSmall,
}


def make_net(name: str) -> nn.Module:
    """A freshly initialised net by its name in `NETS`; raises InputError for a name that is not there."""
    if name not in NETS:
        raise InputError(f"net '{name}'", "unknown", f"choose one of {', '.join(NETS)}")
    return NETS[name]()


def count_parameters(net: nn.Module) -> int:
    """Trainable parameters; buffers such as running means are not counted."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)
