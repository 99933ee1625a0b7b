"""Tensors as pictures: arrays (H, W, 3) in 0 … 1, and many of them as one mosaic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from mapsight.cnn.checkpoint import ModelCard
from mapsight.cnn.see.back import keep_one, project
from mapsight.cnn.see.record import Layer, Record

_PAPER = 1.0


def paint_patch(patch: np.ndarray, card: ModelCard) -> np.ndarray:
    """A piece of the net's input (C, H, W) as the photograph it was."""
    return _to_rgb(np.clip(patch * card.scale_std + card.scale_mean, 0, 1))


def paint_signed(projection: np.ndarray, scale: float | None = None) -> np.ndarray:
    """(C, H, W) of both signs: grey is zero, `scale` (the 99.8th percentile of the strength without
    it) full colour.
    """
    if scale is None:
        scale = float(np.percentile(np.abs(projection), 99.8)) or float(np.abs(projection).max())
    return _to_rgb(np.clip(0.5 + 0.5 * projection / (scale or 1.0), 0, 1))


def paint_filters(seen: Record, layer: Layer) -> list[np.ndarray]:
    """Each filter of the first layer as the picture (C, h, w) that it is, in pixels of the image.

    A filter behind a space-to-depth has no pixels of its own: so a unit impulse amid its answer,
    before the ReLU, is taken back to the image, which lays down the filter once, whatever lies
    between.
    """
    answer = seen.values[layer.first]
    middle = tuple(n // 2 for n in answer.shape[2:])
    pictures = []
    for channel in range(answer.shape[1]):
        impulse = keep_one(answer * 0 + 1, channel, *middle)
        pictures.append(project(seen, layer.first, impulse, rule="gradient")[0].numpy())
    support = np.any([np.abs(p).max(0) > 0 for p in pictures], axis=0)
    rows, cols = np.flatnonzero(support.any(1)), np.flatnonzero(support.any(0))
    return [p[:, rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1] for p in pictures]


def make_mosaic(
    pictures: Sequence[np.ndarray], columns: int, *, gap: int = 1, paper: float = _PAPER
) -> np.ndarray:
    """Pictures (h, w) or (h, w, 3), row by row; smaller ones stand at the top left of their
    cells.
    """
    height, width = (max(p.shape[k] for p in pictures) for k in (0, 1))
    rows = -(-len(pictures) // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, *pictures[0].shape[2:])
    mosaic = np.full(shape, paper)
    for k, picture in enumerate(pictures):
        row, col = k // columns * (height + gap), k % columns * (width + gap)
        mosaic[row : row + picture.shape[0], col : col + picture.shape[1]] = picture
    return mosaic


def find_strongest(projection: np.ndarray, count: int) -> np.ndarray:
    """(H, W) bool: the `count` strongest pixels of a projection (C, H, W); those of no strength are
    none.
    """
    strength = np.abs(projection).sum(0)
    mask = np.zeros(strength.size, bool)
    mask[np.argsort(-strength, axis=None, kind="stable")[:count]] = True
    strongest: np.ndarray = mask.reshape(strength.shape) & (strength > 0)
    return strongest


def find_nearest(height: int, width: int, place: tuple[int, int], count: int) -> np.ndarray:
    """(height, width) bool: the `count` pixels nearest to a place (row, col)."""
    rows, cols = np.indices((height, width))
    return find_strongest(-np.hypot(rows - place[0], cols - place[1])[None] + height + width, count)


def find_radius(projection: np.ndarray, place: tuple[int, int], share: float) -> float:
    """Within how many pixels of a place (row, col) this share of a projection's strength (C, H, W)
    is; NaN for none.
    """
    strength = np.abs(projection).sum(0)
    rows, cols = np.indices(strength.shape)
    distance = np.hypot(rows - place[0], cols - place[1])
    order = np.argsort(distance, axis=None)
    total = np.cumsum(strength.flat[order])
    if not total[-1] > 0:
        return float("nan")
    return float(
        distance.flat[order[min(int(np.searchsorted(total, share * total[-1])), strength.size - 1)]]
    )


def choose_maps(maps: Tensor, count: int) -> list[int]:
    """The channels of (1, C, …) whose answers differ most from place to place."""
    spread = maps[0].flatten(1).std(1)
    return [int(c) for c in spread.argsort(descending=True)[:count]]


def choose_evenly(layers: Sequence[Layer], count: int) -> list[Layer]:
    """At most `count` of the layers, the first and the last among them."""
    if len(layers) <= count:
        return list(layers)
    return [layers[round(k * (len(layers) - 1) / (count - 1))] for k in range(count)]


def _to_rgb(picture: np.ndarray) -> np.ndarray:
    planes = (
        picture if picture.shape[0] == 3 else np.repeat(picture.mean(0, keepdims=True), 3, axis=0)
    )
    return np.moveaxis(planes, 0, -1)
