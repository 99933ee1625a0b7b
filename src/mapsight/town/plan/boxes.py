"""Oriented rectangles by the thousand: houses, cars, parcels, car parks and paint marks are all of
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

_SIGNS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


@dataclass(frozen=True, eq=False)
class Boxes:
    """N rectangles: centres `xy` and half sizes `half` along and across, (N, 2) in metres; `angle`
    (N,) in radians.
    """

    xy: np.ndarray
    half: np.ndarray
    angle: np.ndarray

    def __len__(self) -> int:
        return len(self.angle)

    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Unit vectors along and across, each (N, 2)."""
        along = np.stack([np.cos(self.angle), np.sin(self.angle)], axis=-1)
        return along, np.stack([-along[:, 1], along[:, 0]], axis=-1)

    def at(self, local: np.ndarray) -> np.ndarray:
        """Points (N, K, 2) in metres for points `local` (N, K, 2) or (K, 2) given in the
        rectangles' own axes.
        """
        along, across = self.axes()
        points = np.broadcast_to(local, (len(self), *local.shape[-2:]))
        moved: np.ndarray = (
            self.xy[:, None] + points[..., :1] * along[:, None] + points[..., 1:] * across[:, None]
        )
        return moved

    def corners(self) -> np.ndarray:
        """Corner points (N, 4, 2), counter-clockwise."""
        return self.at(_SIGNS * self.half[:, None])

    def polygons(self) -> np.ndarray:
        """The same as N shapely polygons."""
        polygons: np.ndarray = shapely.polygons(self.corners())
        return polygons

    def take(self, which: np.ndarray) -> Boxes:
        """The rectangles that an index or a boolean mask picks."""
        return Boxes(self.xy[which], self.half[which], self.angle[which])

    def grown(self, margin_m: float) -> Boxes:
        """Each rectangle with `margin_m` more on every side."""
        return Boxes(self.xy, self.half + margin_m, self.angle)

    def moved(
        self, along_m: np.ndarray | float, across_m: np.ndarray | float, half: np.ndarray
    ) -> Boxes:
        """Rectangles of the half sizes `half` (N, 2), set off from these centres in these
        rectangles' own axes.
        """
        along, across = self.axes()
        step = np.reshape(along_m, (-1, 1)) * along + np.reshape(across_m, (-1, 1)) * across
        return Boxes(self.xy + step, np.broadcast_to(half, (len(self), 2)), self.angle)


def join_boxes(parts: list[Boxes]) -> Boxes:
    """All rectangles of `parts` in one; an empty list gives none."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return Boxes(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
    return Boxes(
        *(
            np.concatenate([getattr(part, name) for part in filled])
            for name in ("xy", "half", "angle")
        )
    )


def spread_boxes(xy: np.ndarray, tangent: np.ndarray, half: np.ndarray) -> Boxes:
    """Rectangles centred on `xy` (N, 2) whose long side follows `tangent` (N, 2)."""
    return Boxes(
        xy, np.broadcast_to(half, xy.shape).astype(float), np.arctan2(tangent[:, 1], tangent[:, 0])
    )


def make_strips(start: np.ndarray, end: np.ndarray, width_m: np.ndarray | float) -> np.ndarray:
    """Thin quadrilaterals (N, 4, 2) from `start` to `end`."""
    step = end - start
    length = np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    side = np.stack([-step[:, 1], step[:, 0]], axis=1) / length * np.reshape(width_m, (-1, 1)) / 2
    return np.stack([start - side, end - side, end + side, start + side], axis=1)


def keep_apart(polygons: np.ndarray, taken: np.ndarray | None = None) -> np.ndarray:
    """Boolean (N,): a greedy choice of polygons that overlap neither each other nor `taken`;
    earlier ones win.
    """
    keep = np.ones(len(polygons), dtype=bool)
    if len(polygons) == 0:
        return keep
    if taken is not None and len(taken):
        keep[np.unique(shapely.STRtree(taken).query(polygons, predicate="intersects")[0])] = False
    left, right = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    pairs = left < right
    later, earlier = right[pairs], left[pairs]
    order = np.lexsort((later, earlier))
    for first, second in zip(earlier[order].tolist(), later[order].tolist(), strict=True):
        if keep[first]:
            keep[second] = False
    return keep
