"""The strongest answers of a layer's channels over many images, and what caused each of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, fx

from mapsight.cnn.see.back import keep_one, project
from mapsight.cnn.see.reach import Box, find_reach
from mapsight.cnn.see.record import Layer, Record, record


class Peaks(NamedTuple):
    """For each channel its strongest answers, one an image, falling: arrays (C, top).

    values: the answers; images: number of the image; rows, cols: place in the layer's map. mean,
    (C,): the channel's mean answer over everything.
    """

    values: np.ndarray
    images: np.ndarray
    rows: np.ndarray
    cols: np.ndarray
    mean: np.ndarray


class Cause(NamedTuple):
    """One strong answer: projection (C, h, w) and patch (C, h, w), cut to `box`, the receptive
    field in the image.
    """

    value: float
    projection: np.ndarray
    patch: np.ndarray
    box: Box


def find_peaks(
    steps: fx.GraphModule, layer: Layer, images: Iterable[Tensor], *, top: int = 9
) -> Peaks:
    """The strongest answers of every channel of a layer, at most one an image (1, C, H, W), held
    one at a time.

    Answers that see over the image's edge do not count where others are there: the padding would be
    what they see.
    """
    kept: list[np.ndarray] = []
    means: list[np.ndarray] = []
    margin: tuple[int, int] | None = None
    for number, x in enumerate(images):
        seen = record(steps, x, layer.last)
        maps = seen.values[layer.last][0]
        maps = maps.reshape(len(maps), *(maps.shape[1:] or (1, 1)))
        margin = _find_margin(seen, layer) if margin is None else margin
        inner = maps[
            :, margin[0] : maps.shape[1] - margin[0], margin[1] : maps.shape[2] - margin[1]
        ]
        best, place = inner.flatten(1).max(1)
        rows, cols = place // inner.shape[2] + margin[0], place % inner.shape[2] + margin[1]
        fresh = np.stack(
            [best.numpy(), np.full(len(maps), float(number)), rows.numpy(), cols.numpy()]
        )  # (4, C)
        kept.append(fresh)
        means.append(maps.flatten(1).mean(1).numpy())
        if len(kept) > 4 * top:
            kept = list(_keep_best(kept, top))
    best4 = np.stack(_keep_best(kept, top), axis=-1)  # (4, C, top)
    found = best4[1:].astype(int)
    return Peaks(best4[0], found[0], found[1], found[2], np.mean(means, axis=0))


def choose_channels(peaks: Peaks, count: int) -> list[int]:
    """The channels that answer most selectively: peak far above mean. Those that never answered are
    left out.
    """
    selective = peaks.values.mean(1) / (
        np.abs(peaks.mean) + 1e-3 * np.abs(peaks.values).max() + 1e-12
    )
    return [int(c) for c in np.argsort(-selective, kind="stable") if peaks.values[c, 0] > 0][:count]


def explain_peak(
    template: Record,
    layer: Layer,
    x: Tensor,
    channel: int,
    place: tuple[int, int],
    *,
    align_px: int,
) -> Cause:
    """Projects one answer, at a place (row, col) of the layer's map, back to the image (1, C, H, W)
    it was found in.

    `template` is a record of any image of that size: only its shapes count. Of the image just the
    receptive field is run again, cut at multiples of `align_px`, so that strides and poolings fall
    as they fell; what lies outside it cannot have moved the answer.
    """
    shape = template.values[layer.last].shape
    flat = len(shape) == 2  # a dense layer has no places, and sees all
    box = find_reach(template, layer.last, *(() if flat else place))
    cut = _align(box, align_px, x.shape)
    seen = record(template.steps, x[..., cut.top : cut.bottom, cut.left : cut.right], layer.last)
    moved = (
        ()
        if flat
        else (
            place[0] - cut.top * shape[2] // x.shape[2],
            place[1] - cut.left * shape[3] // x.shape[3],
        )
    )
    answer = seen.values[layer.last]
    projection = project(seen, layer.last, keep_one(answer, channel, *moved))[0]
    top, left = box.top - cut.top, box.left - cut.left
    projection = projection[:, top : top + box.size[0], left : left + box.size[1]]
    patch = x[0, :, box.top : box.bottom, box.left : box.right]
    return Cause(float(answer[0, channel, *moved]), projection.numpy(), patch.numpy(), box)


def _align(box: Box, step: int, shape: torch.Size) -> Box:
    bottom, right = (
        min(-(-end // step) * step, size) for end, size in zip(box[2:], shape[2:], strict=True)
    )
    return Box(box.top // step * step, box.left // step * step, bottom, right)


def _keep_best(kept: list[np.ndarray], top: int) -> list[np.ndarray]:
    """The `top` strongest of each channel, as a list of (4, C)."""
    stacked = np.stack(kept, axis=-1)  # (4, C, n)
    order = np.argsort(-stacked[0], axis=-1, kind="stable")[:, :top]
    best = np.take_along_axis(stacked, np.broadcast_to(order, (4, *order.shape)), axis=-1)
    return [best[..., k] for k in range(best.shape[-1])]


def _find_margin(seen: Record, layer: Layer) -> tuple[int, int]:
    """How many rows and columns at the edge of the layer's map see over the edge of the image; at
    most a third.
    """
    maps = seen.values[layer.last]
    if maps.ndim < 4:
        return 0, 0
    height, width = maps.shape[2:]
    size = find_reach(seen, layer.last, height // 2, width // 2).size
    whole = seen.values[seen.image].shape[2:]
    rows, columns = (
        min(-(-s * n // (2 * w)), n // 3)
        for s, n, w in zip(size, (height, width), whole, strict=True)
    )
    return rows, columns
