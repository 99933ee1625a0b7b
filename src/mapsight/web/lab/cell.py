"""One value of one step, taken apart: all that it was computed from, so that a reader can compute
it again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from mapsight.cnn.blocks import ConvNorm
from mapsight.errors import InputError
from mapsight.web.lab.steps import Step, Values, find_step


def explain_cell(
    steps: Sequence[Step], values: Mapping[str, Values], name: str, place: tuple[int, int, int]
) -> dict[str, Any]:
    """Operands and result of the cell (channel, row, col) of a step, as plain numbers.

    Every operand is the float32 that torch used; InputError for a step or a place that is not
    there.
    """
    step = find_step(steps, name)
    out = values[name].out
    if not all(0 <= at < size for at, size in zip(place, out.shape, strict=True)):
        raise InputError(f"cell {place}", f"lies outside {tuple(out.shape)}", "ask for one inside")
    told = {
        "step": name,
        "kind": step.kind,
        "channel": place[0],
        "row": place[1],
        "col": place[2],
        "value": float(out[place]),
    }
    inputs = [values[of].out for of in step.of]
    return told | _EXPLAIN[step.kind](step, values[name], inputs, place)


def _explain_depth(
    step: Step, own: Values, inputs: list[Tensor], place: tuple[int, int, int]
) -> dict[str, Any]:
    """Channel side²·colour + side·down + across of a cell is one colour of one of its side × side
    pixels.
    """
    channel, row, col = place
    side = step.stride_px
    colour, (down, across) = channel // side**2, divmod(channel % side**2, side)
    return _take_over(step.of[0], inputs[0], (colour, side * row + down, side * col + across))


def _explain_conv(
    step: Step, own: Values, inputs: list[Tensor], place: tuple[int, int, int]
) -> dict[str, Any]:
    assert isinstance(step.layer, ConvNorm) and own.sums is not None and own.normed is not None
    conv, norm = step.layer[0], step.layer[1]
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    channel = place[0]
    told = _take_window(conv, inputs[0], place)
    parts = {
        "mean": norm.running_mean,
        "variance": norm.running_var,
        "gamma": norm.weight,
        "beta": norm.bias,
    }
    told["norm"] = {name: _read(part, channel) for name, part in parts.items()} | {
        "epsilon": norm.eps
    }
    return told | {"sum": float(own.sums[place]), "normed": float(own.normed[place])}


def _explain_head(
    step: Step, own: Values, inputs: list[Tensor], place: tuple[int, int, int]
) -> dict[str, Any]:
    assert isinstance(step.layer, nn.Conv2d) and step.layer.bias is not None
    return {**_take_window(step.layer, inputs[0], place), "bias": _read(step.layer.bias, place[0])}


def _read(numbers: Tensor | None, at: int) -> float:
    assert numbers is not None
    return float(numbers.detach()[at])


def _take_window(conv: nn.Conv2d, inputs: Tensor, place: tuple[int, int, int]) -> dict[str, Any]:
    """Window and weights (C, k, k) of a cell, zeros where the window hangs over the edge."""
    channel, row, col = place
    k, dilation, pad = conv.kernel_size[0], conv.dilation[0], conv.padding[0]
    assert isinstance(pad, int) and conv.stride == (1, 1)
    padded = np.pad(inputs.numpy(), ((0, 0), (pad, pad), (pad, pad)))
    reach = dilation * (k - 1) + 1
    window = padded[:, row : row + reach : dilation, col : col + reach : dilation]
    weights = conv.weight[channel].detach().numpy()
    return {
        "kernel": k,
        "dilation": dilation,
        "window": window.ravel().tolist(),
        "weights": weights.ravel().tolist(),
    }


def _explain_pool(
    step: Step, own: Values, inputs: list[Tensor], place: tuple[int, int, int]
) -> dict[str, Any]:
    channel, row, col = place
    block = inputs[0][channel, 2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
    return {"values": block.ravel().tolist()}


def _explain_same(
    step: Step, own: Values, inputs: list[Tensor], place: tuple[int, int, int]
) -> dict[str, Any]:
    """The values at the same cell of the steps before."""
    return {"values": [float(x[place]) for x in inputs]}


def _explain_up(
    step: Step, own: Values, inputs: list[Tensor], place: tuple[int, int, int]
) -> dict[str, Any]:
    """Bilinear, twice the size: the four nearest cells, weighted by nearness (at the edge the edge
    is repeated).
    """
    channel, *at = place
    x = inputs[0]
    pairs = [_neighbours(i, size) for i, size in zip(at, x.shape[1:], strict=True)]
    corners = [(r, c, wr * wc) for r, wr in pairs[0] for c, wc in pairs[1]]
    return {
        "values": [float(x[channel, r, c]) for r, c, _ in corners],
        "weights": [w for _, _, w in corners],
        "cells": [[r, c] for r, c, _ in corners],
    }


def _neighbours(i: int, size: int) -> list[tuple[int, float]]:
    where = max((i + 0.5) / 2 - 0.5, 0.0)
    low = int(where)
    return [(low, 1 - (where - low)), (min(low + 1, size - 1), where - low)]


def _explain_join(
    step: Step, own: Values, inputs: list[Tensor], place: tuple[int, int, int]
) -> dict[str, Any]:
    channel, row, col = place
    which = int(channel >= len(inputs[0]))
    return _take_over(step.of[which], inputs[which], (channel - which * len(inputs[0]), row, col))


def _explain_logit(
    step: Step, own: Values, inputs: list[Tensor], place: tuple[int, int, int]
) -> dict[str, Any]:
    """The maps of the head are the pixels of each cell."""
    _, row, col = place
    side = math.isqrt(len(inputs[0]))
    return _take_over(
        step.of[0], inputs[0], (side * (row % side) + col % side, row // side, col // side)
    )


def _take_over(step: str, values: Tensor, at: tuple[int, int, int]) -> dict[str, Any]:
    source = {"step": step, "channel": at[0], "row": at[1], "col": at[2]}
    return {"source": source, "values": [float(values[at])]}


_EXPLAIN = {
    "depth": _explain_depth,
    "conv": _explain_conv,
    "head": _explain_head,
    "pool": _explain_pool,
    "add": _explain_same,
    "up": _explain_up,
    "join": _explain_join,
    "logit": _explain_logit,
}
