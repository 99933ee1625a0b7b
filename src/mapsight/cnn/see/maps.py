"""Two maps of what mattered for an answer: Grad-CAM asks the net's gradients, occlusion asks the
net itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, fx
from torch.nn import functional as F

from mapsight.cnn.see.back import project
from mapsight.cnn.see.record import Layer, Record
from mapsight.cnn.see.target import Target
from mapsight.progress import open_progress

_BATCH_PX = 512 * 512  # so many pixels at once, whatever the size of the image


class Occlusion(NamedTuple):
    """drop (rows, cols): by how much the target's log-odds fell with a square of size_px laid
    there.

    before: its log-odds without a square. The squares start at `starts` (rows, cols) pixels.
    """

    drop: np.ndarray
    before: float
    size_px: int
    starts: tuple[np.ndarray, np.ndarray]


def compute_gradcam(seen: Record, layer: Layer, target: Target) -> Tensor:
    """(H, W) from 0 on: where the layer held what speaks for the target (Selvaraju et al. 2017, eq.
    1–2).

    Each map of the layer is weighed by its mean gradient; what remains above zero is enlarged to
    the image.
    """
    maps = seen.values[layer.last]
    gradient = project(seen, seen.answer, target.mask, rule="gradient", to=layer.last)
    weights = gradient.mean((2, 3), keepdim=True)
    cam = (weights * maps).sum(1, keepdim=True).clamp_min(0)
    size = seen.values[seen.image].shape[2:]
    return F.interpolate(cam, size=size, mode="bilinear", align_corners=False)[0, 0]


def occlude(
    steps: fx.GraphModule, x: Tensor, target: Target, *, step_px: int, fill: Tensor | None = None
) -> Occlusion:
    """Lays a square over every part of the image (1, C, H, W) and asks the net again (Zeiler &
    Fergus 2014, 4.2).

    The squares are 2 · step_px wide and cut off at the edges: four cover every pixel. `fill` (C,)
    is their colour, the image's mean without it.
    """
    colour, size_px = x.mean((0, 2, 3)) if fill is None else fill, 2 * step_px
    starts = tuple(np.arange(-step_px, n, step_px) for n in x.shape[2:])
    places = [(int(row), int(col)) for row in starts[0] for col in starts[1]]
    batch = max(_BATCH_PX // (x.shape[2] * x.shape[3]), 1)
    before = float(_measure(steps, x, target)[0])
    found: list[float] = []
    with open_progress("occlude", total=len(places)) as advance:
        for k in range(0, len(places), batch):
            covered = torch.cat(list(_cover(x, places[k : k + batch], size_px, colour)))
            found += _measure(steps, covered, target).tolist()
            advance(len(covered), "")
    drop = before - np.array(found).reshape(len(starts[0]), len(starts[1]))
    return Occlusion(drop, before, size_px, (starts[0], starts[1]))


def paint_drop(occlusion: Occlusion, height: int, width: int) -> np.ndarray:
    """(height, width): the mean drop over the four squares that covered each pixel."""
    total = np.zeros((height, width))
    for i, row in enumerate(occlusion.starts[0]):
        for j, col in enumerate(occlusion.starts[1]):
            total[_part(int(row), int(col), occlusion.size_px)] += occlusion.drop[i, j] / 4
    return total


def _cover(
    x: Tensor, places: list[tuple[int, int]], size_px: int, colour: Tensor
) -> Iterator[Tensor]:
    for row, col in places:
        covered = x.clone()
        covered[0][:, *_part(row, col, size_px)] = colour[:, None, None]
        yield covered


def _part(row: int, col: int, size_px: int) -> tuple[slice, slice]:
    return slice(max(row, 0), max(row + size_px, 0)), slice(max(col, 0), max(col + size_px, 0))


def _measure(steps: fx.GraphModule, x: Tensor, target: Target) -> Tensor:
    with torch.inference_mode():
        return target.measure_odds(steps(x))


def keep_from(steps: fx.GraphModule, x: Tensor, target: Target, hidden: Tensor) -> float:
    """The target's probability when the pixels (H, W) bool are hidden under the image's mean
    colour.
    """
    covered = torch.where(hidden, x.mean((2, 3), keepdim=True), x)
    with torch.inference_mode():
        return float(target.measure(steps(covered))[0])
