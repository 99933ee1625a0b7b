"""Model files of the zoo: weights, and a card that says which recipe made them, on what, and how
well they do.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from mapsight.cnn.checkpoint import check_tensors, read_tensors, write_tensors
from mapsight.cnn.nets import NETS, ZOO_NETS, make_zoo_net
from mapsight.errors import InputError, ModelError

FORMAT = "mapsight-zoo/1"


@dataclass(frozen=True)
class ZooCard:
    """What a model file of the zoo says of itself."""

    recipe: str
    net: str
    options: dict[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    trained_on: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)


class ZooModel(NamedTuple):
    """A net in eval mode, and its card."""

    net: nn.Module
    card: ZooCard


def write_zoo_model(path: Path, net: nn.Module, card: ZooCard) -> None:
    """Writes weights and card as one file, atomically."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
    write_tensors(path, tensors, {"format": FORMAT, "card": json.dumps(asdict(card))})


def read_zoo_model(path: Path) -> ZooModel:
    """The inverse; raises ModelError for anything that is not a sound model file of the zoo."""
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise ModelError(path, f"is not a {FORMAT} file", "make one with `mapsight zoo run`")
    card = _parse_card(path, metadata.get("card", ""))
    try:
        with torch.device(
            "meta"
        ):  # a card that asks for a giant is found out before anything is allocated
            wanted = make_zoo_net(card.net, **card.options).state_dict()
    except (InputError, ValueError, RuntimeError) as error:
        raise ModelError(
            path, f"its card does not make a net ({error})", "train it again"
        ) from None
    check_tensors(path, wanted, tensors)
    net = make_zoo_net(card.net, **card.options)
    net.load_state_dict(tensors)
    return ZooModel(net.eval(), card)


def _parse_card(path: Path, text: str) -> ZooCard:
    try:
        data = json.loads(text)
        known = {f.name for f in fields(ZooCard)}
        values: dict[str, Any] = {
            k: tuple(v) if k == "labels" else v for k, v in data.items() if k in known
        }
        card = ZooCard(**values)
        sound = (card.net in NETS or card.net in ZOO_NETS) and isinstance(card.measures, dict)
        sound = sound and isinstance(card.options, dict)
        sound = sound and all(
            isinstance(value, int | float | bool) for value in card.options.values()
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(path, f"its card does not parse ({error})", "train it again") from None
    if not sound:
        raise ModelError(path, "its card has an unknown net or odd options", "train it again")
    return card
