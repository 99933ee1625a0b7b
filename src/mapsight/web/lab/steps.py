"""RoadNet, step by step: what `forward` does in one breath, with every value in between kept and
named.

A test holds that the steps end in the logits of the net itself and pass through the values its
layers give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import ConvNorm, upsample_to
from mapsight.cnn.nets.roadnet import RoadNet
from mapsight.errors import InputError, ModelError


@dataclass(frozen=True, eq=False)
class Step:
    """One step: its kind, what it is computed from, its layer where it has one, and pixels of the
    image a cell.
    """

    name: str
    title: str
    kind: str  # depth, conv, pool, add, up, join, head, logit
    of: tuple[str, ...]
    stride_px: int
    layer: nn.Module | None = None


@dataclass(frozen=True, eq=False)
class Values:
    """What a step gave, (C, H, W) each; a convolution keeps its sums and what batch norm made of
    them, too.
    """

    out: Tensor
    sums: Tensor | None = None
    normed: Tensor | None = None


def list_steps(net: nn.Module) -> tuple[Step, ...]:
    """The steps of a RoadNet with batch norms from `image` to `logit`; ModelError for another
    architecture.
    """
    norms = (layer for layer in net.modules() if isinstance(layer, nn.GroupNorm))
    if not isinstance(net, RoadNet) or next(norms, None) is not None:
        raise ModelError(
            type(net).__name__, "only a roadnet is shown step by step", "use the shipped model"
        )
    stem_px = net.shape.stem_px  # a side of the pixels that become one cell
    steps = [Step("s2d", "Space to depth", "depth", ("image",), stem_px)]
    skips: list[Step] = []
    for level, block in enumerate(net.encoder):
        if level:
            steps.append(_after(steps[-1], f"pool{level}", f"Max pool {level}", "pool", stride=2))
        for i, layer in enumerate(block.children()):
            title = f"Down {level + 1}, convolution {i + 1}"
            steps.append(_after(steps[-1], f"down{level + 1}{'ab'[i]}", title, "conv", layer=layer))
        skips.append(steps[-1])
    skips.pop()
    for i, layer in enumerate(net.context.steps):
        before = steps[-1]
        steps.append(_after(before, f"wide{i + 1}", f"Wide view {i + 1}", "conv", layer=layer))
        added = _after(steps[-1], f"sum{i + 1}", f"Wide view {i + 1}, added", "add")
        steps.append(replace(added, of=(before.name, steps[-1].name)))
    for i, (squeeze, layer) in enumerate(zip(net.squeeze, net.decoder, strict=True)):
        skip = skips.pop()
        steps.append(
            _after(steps[-1], f"squeeze{i + 1}", f"Up {i + 1}, fewer maps", "conv", layer=squeeze)
        )
        steps.append(
            _after(steps[-1], f"grown{i + 1}", f"Up {i + 1}, twice the size", "up", stride=0.5)
        )
        joined = _after(steps[-1], f"joined{i + 1}", f"Up {i + 1}, beside the way down", "join")
        steps.append(replace(joined, of=(skip.name, steps[-1].name)))
        steps.append(
            _after(steps[-1], f"up{i + 1}", f"Up {i + 1}, convolution", "conv", layer=layer)
        )
    steps.append(_after(steps[-1], "head", "Head", "head", layer=net.head))
    steps.append(_after(steps[-1], "logit", "Logit", "logit", stride=1 / stem_px))
    return tuple(steps)


def find_step(steps: Sequence[Step], name: str) -> Step:
    """The step of that name; InputError where there is none."""
    for step in steps:
        if step.name == name:
            return step
    raise InputError(f"step '{name[:40]}'", "is not one of this net", "ask for one of the list")


def _after(
    step: Step,
    name: str,
    title: str,
    kind: str,
    *,
    stride: float = 1,
    layer: nn.Module | None = None,
) -> Step:
    return Step(name, title, kind, (step.name,), round(step.stride_px * stride), layer)


@torch.inference_mode()
def run_steps(steps: Sequence[Step], image: Tensor) -> dict[str, Values]:
    """The values of all steps for one scaled image (3, H, W), by name, `image` among them."""
    values = {"image": Values(image)}
    for step in steps:
        values[step.name] = _run_step(step, [values[name].out[None] for name in step.of])
    return values


def _run_step(step: Step, inputs: list[Tensor]) -> Values:
    x = inputs[0]
    if isinstance(step.layer, ConvNorm):
        sums = step.layer[0](x)
        normed = step.layer[1](sums)
        return Values(F.relu(normed)[0], sums[0], normed[0])
    if step.kind == "head":
        assert step.layer is not None
        return Values(step.layer(x)[0])
    if step.kind == "up":
        return Values(upsample_to(x, x.new_empty(1, 1, 2 * x.shape[-2], 2 * x.shape[-1]))[0])
    made = {
        "depth": lambda: F.pixel_unshuffle(x, step.stride_px),
        "pool": lambda: F.max_pool2d(x, 2),
        "add": lambda: x + inputs[1],
        "join": lambda: torch.cat(inputs, dim=1),
        "logit": lambda: F.pixel_shuffle(x, math.isqrt(x.shape[1])),
    }
    return Values(made[step.kind]()[0])
