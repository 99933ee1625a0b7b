"""From shapes in metres to covered pixels: all is drawn on a grid twice as fine, then averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from affine import Affine
from rasterio.features import rasterize

_FINE = 2  # sub-pixels a side
_CHUNK = 2_000_000  # sub-pixels at a time, to bound memory


@dataclass(frozen=True)
class Sheet:
    """A drawing sheet: rows, columns and metres a pixel; its lower left corner is the origin, y
    points up.
    """

    height: int
    width: int
    m_per_px: float

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def size_m(self) -> tuple[float, float]:
        """Width and height in metres."""
        return self.width * self.m_per_px, self.height * self.m_per_px

    @property
    def fine(self) -> Sheet:
        """The same ground with sub-pixels."""
        return Sheet(self.height * _FINE, self.width * _FINE, self.m_per_px / _FINE)

    @property
    def transform(self) -> Affine:
        return Affine(self.m_per_px, 0, 0, 0, -self.m_per_px, self.height * self.m_per_px)

    def to_px(self, xy: np.ndarray) -> np.ndarray:
        """Columns and rows (…, 2) of points in metres."""
        return (
            np.stack([xy[..., 0], self.height * self.m_per_px - xy[..., 1]], axis=-1)
            / self.m_per_px
        )

    def look_up(self, field: np.ndarray, xy: np.ndarray, outside: float = 0) -> np.ndarray:
        """Values of `field` (H, W) at points (N, 2); `outside` where they miss the sheet."""
        cols, rows = np.floor(self.to_px(xy)).astype(int).T
        inside = (rows >= 0) & (rows < self.height) & (cols >= 0) & (cols < self.width)
        out = np.full(len(xy), outside, dtype=field.dtype)
        out[inside] = field[rows[inside], cols[inside]]
        return out


@dataclass(frozen=True, eq=False)
class Stain:
    """What shapes cover: flat pixel indices (n,), their coverage (n,) in (0, 1], and the shapes'
    values (n, C).
    """

    index: np.ndarray
    cover: np.ndarray
    value: np.ndarray

    def mask(self, sheet: Sheet, least: float = 0.5) -> np.ndarray:
        """(H, W) uint8: pixels covered by at least `least`."""
        out = np.zeros(sheet.shape, dtype=np.uint8)
        out.ravel()[self.index[self.cover >= least]] = 1
        return out


def burn_ids(
    sheet: Sheet, shapes: Sequence[Any] | np.ndarray, ids: Sequence[int] | np.ndarray | None = None
) -> np.ndarray:
    """(H, W) int32 id of the last shape over each pixel; 0 where none. Without `ids` every shape is
    1 (uint8).
    """
    numbers = [1] * len(shapes) if ids is None else [int(i) for i in ids]
    pairs = [(shape, i) for shape, i in zip(shapes, numbers, strict=True) if not shape.is_empty]
    kind = "uint8" if ids is None else "int32"
    if not pairs:
        return np.zeros(sheet.shape, dtype=kind)
    burnt: np.ndarray = rasterize(
        pairs, out_shape=sheet.shape, transform=sheet.transform, dtype=kind
    )
    return burnt


def fill_convex(sheet: Sheet, rings: np.ndarray, *, alike: bool = False) -> np.ndarray:
    """(H, W) int32: 1 + number of the last of the convex `rings` (N, V, 2) over each pixel centre;
    0 where none.

    Far faster than a general filler for ten thousands of small shapes. Repeated vertices are
    welcome. With `alike` the rings are not told apart: (H, W) uint8 of 0 and 1.
    """
    canvas = np.zeros(sheet.shape, dtype=np.uint8 if alike else np.int32)
    if len(rings) == 0:
        return canvas
    points = sheet.to_px(rings)
    top = np.clip(np.ceil(points[..., 1].min(1) - 0.5), 0, sheet.height).astype(int)
    bottom = np.clip(np.floor(points[..., 1].max(1) - 0.5), -1, sheet.height - 1).astype(int)
    lines = np.maximum(bottom - top + 1, 0)
    area = lines * np.minimum(np.ptp(points[..., 0], axis=1) + 1, sheet.width)
    for part in np.split(
        np.arange(len(rings)), np.flatnonzero(np.diff(np.cumsum(area) // _CHUNK)) + 1
    ):
        shape_no = np.repeat(part, lines[part])
        first = np.cumsum(lines[part]) - lines[part]
        row = np.arange(len(shape_no)) - np.repeat(first - top[part], lines[part])
        left, right = _cut_rows(points, shape_no, row + 0.5, sheet.width)
        length = np.maximum(right - left + 1, 0)
        cell = np.arange(length.sum()) + np.repeat(
            row * sheet.width + left - np.cumsum(length) + length, length
        )
        canvas.ravel()[cell] = (
            1 if alike else np.repeat(shape_no + 1, length)
        )  # of repeated cells the last one counts
    return canvas


def _cut_rows(
    points: np.ndarray, shape_no: np.ndarray, y: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """First and last column whose centre lies inside, for row `y` of shape `shape_no`, clipped to
    the sheet.
    """
    following = np.roll(points, -1, axis=1)
    area = np.sum(points[..., 0] * following[..., 1] - following[..., 0] * points[..., 1], axis=1)
    turn = np.where(area < 0, -1.0, 1.0)[:, None]
    slope_x, slope_y = (
        turn * (points[..., 1] - following[..., 1]),
        turn * (following[..., 0] - points[..., 0]),
    )
    offset = -slope_x * points[..., 0] - slope_y * points[..., 1]
    low, high = np.full(len(y), 0.5), np.full(len(y), width - 0.5)
    for edge in range(points.shape[1]):
        a = slope_x[shape_no, edge]
        rest = slope_y[shape_no, edge] * y + offset[shape_no, edge]
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = -rest / a
        low = np.where(a > 1e-12, np.maximum(low, cut), low)
        high = np.where(a < -1e-12, np.minimum(high, cut), high)
        high = np.where((np.abs(a) <= 1e-12) & (rest < -1e-9), -1.0, high)
    return np.ceil(low - 0.5).astype(int), np.floor(high - 0.5).astype(int)


def resolve(fine_ids: np.ndarray, table: np.ndarray) -> Stain:
    """Average sub-pixel ids to pixels: coverage, and the mean of `table` (M, C) at id − 1 over the
    covered part.
    """
    corners = [fine_ids[i::_FINE, j::_FINE] for i in range(_FINE) for j in range(_FINE)]
    index = np.flatnonzero(reduce(np.bitwise_or, corners))
    samples = np.stack([corner.ravel()[index] for corner in corners], axis=1)
    covered = samples > 0
    count = covered.sum(1)
    padded = np.concatenate(
        [np.zeros((1, table.shape[1]), dtype=np.float32), table.astype(np.float32)]
    )
    values = sum(padded[samples[:, i]] for i in range(samples.shape[1]))
    return Stain(
        index, (count / _FINE**2).astype(np.float32), values / count[:, None].astype(np.float32)
    )
