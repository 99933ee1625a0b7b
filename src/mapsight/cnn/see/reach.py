"""The receptive field of one activation of any net: every pixel that has a path to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from mapsight.cnn.see.back import read_pooling, transpose_step, walk_back
from mapsight.cnn.see.record import Record, find_function, is_norm, is_relu


class Box(NamedTuple):
    """Rows top … bottom − 1 and columns left … right − 1 of the image."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left


def find_reach(seen: Record, node: fx.Node, *place: int) -> Box:
    """The box around all pixels that can move a step's answer at a place (row, col; none for a
    dense layer).

    Goes back as a projection does, but asks only whether there is a path: filters count as ones, a
    pooling reaches its whole window, a ReLU lets all through.
    """
    signal = torch.zeros_like(seen.values[node])
    everywhere: Any = (0, slice(None), *place)  # all channels
    signal[everywhere] = 1
    paths = walk_back(seen, node, signal, seen.image, _step_back)[0].amax(0)  # (H, W)
    rows, cols = paths.amax(1).nonzero().flatten(), paths.amax(0).nonzero().flatten()
    return Box(int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1)


def _step_back(seen: Record, step: fx.Node, signal: Any) -> Iterator[tuple[fx.Node, Any]]:
    for source, part in _spread(seen, step, signal):
        yield source, part if isinstance(part, dict) else (part != 0).float()


def _spread(seen: Record, step: fx.Node, signal: Any) -> Iterator[tuple[fx.Node, Any]]:
    function, pooling = find_function(seen.steps, step), read_pooling(seen, step)
    source: Any = step.args[0] if step.args else None
    if is_relu(function) or is_norm(function):
        yield source, signal
    elif pooling is not None and not isinstance(signal, dict):
        yield source, _lay_windows(signal, pooling, seen.values[source].shape)
    elif isinstance(function, nn.Conv2d) and not isinstance(function.padding, str):
        geometry = {
            name: getattr(function, name)
            for name in ("kernel_size", "stride", "padding", "dilation")
        }
        shape = seen.values[source].shape
        yield source, _lay_windows(signal.amax(1, keepdim=True), geometry, shape).expand(shape)
    else:
        yield from transpose_step(seen, step, signal)


def _lay_windows(signal: Tensor, geometry: dict[str, Any], shape: torch.Size) -> Tensor:
    """Every value of (B, C, h, w) laid over the whole window it came from: (B, C, H, W), H and W of
    `shape`.
    """
    defaults = {"stride": geometry["kernel_size"], "padding": 0, "dilation": 1}
    kernel, stride, padding, dilation = (
        value if isinstance(value, tuple) else (value, value)
        for value in (
            geometry.get(name) or defaults.get(name)
            for name in ("kernel_size", "stride", "padding", "dilation")
        )
    )
    planes = signal.reshape(-1, 1, *signal.shape[2:])
    laid = F.conv_transpose2d(planes, torch.ones(1, 1, *kernel), stride=stride, dilation=dilation)
    laid = F.pad(
        laid[..., padding[0] :, padding[1] :], (0, shape[3], 0, shape[2])
    )  # rows that no window reached
    return laid[..., : shape[2], : shape[3]].reshape(*signal.shape[:2], *shape[2:])
