"""Every net that the lab can open: the road nets, the zoo's, and the lecture's digit nets; by name,
without memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from mapsight.cnn import nets
from mapsight.errors import InputError
from mapsight.lab.lecture_nets import LECTURE_INPUT, LECTURE_NETS
from mapsight.lab.trace import build_on_meta, make_input


@dataclass(frozen=True)
class Entry:
    """How a net is made, and the inputs it is made for (None: whatever it runs on)."""

    make: Callable[[], nn.Module]
    make_inputs: Callable[[], tuple[Tensor, ...]] | None = None

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of the only input, where it is known and there is one."""
        inputs = self.make_inputs() if self.make_inputs else ()
        return tuple(inputs[0].shape[1:]) if len(inputs) == 1 else None


def list_nets() -> dict[str, Entry]:
    """Name → entry."""
    found = {name: Entry(make) for name, make in nets.NETS.items()}
    for name, row in nets.ZOO_NETS.items():
        found[name] = Entry(row.make, partial(row.make_inputs, 1))
    return found | {
        name: Entry(make, lambda: (torch.zeros(1, *LECTURE_INPUT),))
        for name, make in LECTURE_NETS.items()
    }


def find_net(name: str) -> Entry:
    """The entry of that name; InputError names the known ones."""
    known = list_nets()
    if name not in known:
        raise InputError(f"net '{name}'", "unknown", f"choose one of {', '.join(known)}")
    return known[name]


def open_net(
    name: str, shape: tuple[int, ...] | None = None
) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The net on the meta device, and inputs for it: of `shape` (C, H, W) if given."""
    entry = find_net(name)
    net = build_on_meta(entry.make)
    if shape is None and entry.make_inputs is not None:
        return net, tuple(x.to("meta") for x in entry.make_inputs())
    return net, (make_input(net, shape),)
