"""Where a sign's board may be: regions without edges that are quadrangles."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

_LOOK_PX = 300  # the longer side of the picture as it is looked at here
_BLUR_PX = 1.0
_EDGES = (
    4.0,
    7.0,
    12.0,
    20.0,
)  # grey levels a pixel, of any band: what is an edge depends on the picture
_LEAST_SHARE = 0.015  # of the picture: a smaller region is no board
_CLOSED_PX = 3  # letters that touch the edge do not part a board
_NEAR_PX = 3  # two boards with corners as near are one
_FULL = (0.75, 0.88)  # shares: of its hull that a board fills, of its quadrangle that its hull does


def find_boards(picture: Image.Image) -> list[np.ndarray]:
    """Corners (4, 2) px, from the upper left clockwise, of what may be a board; the same one may
    come twice.
    """
    scale = _LOOK_PX / max(picture.size)
    size = tuple(max(round(side * scale), 8) for side in picture.size)
    small = np.asarray(
        picture.convert("RGB").resize((size[0], size[1]), Image.Resampling.BOX), np.float32
    )
    bands = ndimage.gaussian_filter(small, (_BLUR_PX, _BLUR_PX, 0))
    steep = np.hypot(ndimage.sobel(bands, 0), ndimage.sobel(bands, 1)).max(axis=2) / 8
    found: list[np.ndarray] = []
    for edge in _EDGES:
        regions, count = ndimage.label(steep < edge)
        areas = np.bincount(regions.ravel(), minlength=count + 1)
        for at, (rows, columns) in enumerate(ndimage.find_objects(regions), start=1):
            box = (rows.stop - rows.start) * (columns.stop - columns.start)
            if box < _LEAST_SHARE * regions.size or areas[at] < 0.2 * box:
                continue
            region = np.pad(regions[rows, columns] == at, _CLOSED_PX)
            region = ndimage.binary_closing(region, iterations=_CLOSED_PX)
            corners = fit_quadrangle(ndimage.binary_fill_holes(region))
            if corners is not None:
                found.append((corners - _CLOSED_PX + (columns.start, rows.start)) / scale)
    return _drop_twins(found, _NEAR_PX / scale)


def _drop_twins(found: list[np.ndarray], near_px: float) -> list[np.ndarray]:
    kept: list[np.ndarray] = []
    for corners in found:
        if all(np.abs(corners - other).max() > near_px for other in kept):
            kept.append(corners)
    return kept


def fit_quadrangle(region: np.ndarray) -> np.ndarray | None:
    """Corners (4, 2), x before y, of the quadrangle that a region (H, W) bool fills; None where it
    fills none.
    """
    rows = np.flatnonzero(region.any(axis=1))
    first, last = region[rows].argmax(axis=1), region.shape[1] - region[rows, ::-1].argmax(axis=1)
    points = np.concatenate(
        [np.c_[side, rows + below] for side in (first, last) for below in (0, 1)]
    )
    try:
        hull = points[ConvexHull(points).vertices].astype(float)  # anticlockwise where y points up
    except (QhullError, ValueError):  # flat, or empty
        return None
    area = measure_area(hull)
    if region.sum() < _FULL[0] * area:
        return None
    while len(hull) > 4:
        hull = _drop_edge(hull)
    if len(hull) < 4 or area < _FULL[1] * measure_area(hull):
        return None
    # the upper left corner is the first: that which begins the edge that leads furthest to the
    # right
    edges = np.roll(hull, -1, axis=0) - hull
    corners: np.ndarray = np.roll(hull, -int(np.argmax(edges[:, 0])), axis=0)
    return corners


def measure_area(polygon: np.ndarray) -> float:
    """Of a polygon (N, 2), by the shoelace formula."""
    x, y = polygon.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _drop_edge(hull: np.ndarray) -> np.ndarray:
    """The convex polygon with one edge fewer: its neighbours are drawn out to where they meet; the
    least is added.
    """
    before, start, end, after = (np.roll(hull, shift, axis=0) for shift in (1, 0, -1, -2))
    along, back = start - before, end - after
    turn = along[:, 0] * back[:, 1] - along[:, 1] * back[:, 0]
    gap = end - start
    far = (gap[:, 0] * back[:, 1] - gap[:, 1] * back[:, 0]) / np.where(
        np.abs(turn) < 1e-9, -1e-9, turn
    )
    meeting = start + far[:, None] * along
    added = np.abs(gap[:, 0] * (meeting - start)[:, 1] - gap[:, 1] * (meeting - start)[:, 0])
    added[far <= 0] = np.inf
    if not np.isfinite(added).any():
        return hull[:3]
    at = int(np.argmin(added))
    kept = hull.copy()
    kept[at] = meeting[at]
    return np.delete(kept, (at + 1) % len(hull), axis=0)
