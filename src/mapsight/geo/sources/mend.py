"""Gaps in a mask of roads: under labels and icons, and between the dashes of a line."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage
from scipy.spatial import cKDTree

from mapsight.geo.centreline import sample_radius
from mapsight.geo.skeleton import build_graph, measure_inside

Mask = NDArray[np.bool_]

_DIRECTIONS = 48  # over half a turn
_TENSOR_PX = 5.0
_ALONG_DEG = 22.0  # a look that meets a road within this runs along it
_STRAIGHT_DEG = 10.0  # asked of one end where the other has no direction
_CLEAR = 0.5  # coherence from which on a road has a direction; junctions have none
_FACING_DEG = 32.0


def fill_hidden(road: Mask, hidden: Mask, *, reach_px: int) -> Mask:
    """Road where the map is hidden: a hidden pixel is road if, along some direction, both ways lead
    to road.

    Looks from every hidden pixel in 48 directions both ways until the map is seen again, at most
    reach_px apart. The roads that are met there must run along the look, or one of them and the
    other be a junction, so that nothing is filled between parallel roads or in the corners of
    junctions.
    """
    known = road & ~hidden
    angle, coherence = _measure_direction(known, hidden)
    rows, cols = np.nonzero(hidden)
    filled = np.zeros(len(rows), bool)
    for turn in range(_DIRECTIONS):
        look = np.pi * turn / _DIRECTIONS
        open_ = ~filled
        ahead = _look(known, hidden, (rows[open_], cols[open_]), look, reach_px)
        behind = _look(known, hidden, (rows[open_], cols[open_]), look + np.pi, reach_px)
        good = ahead.road & behind.road & (ahead.distance_px + behind.distance_px <= reach_px)
        off = [
            np.abs((angle[s.row, s.col] - look + np.pi / 2) % np.pi - np.pi / 2)
            for s in (ahead, behind)
        ]
        clear = [coherence[s.row, s.col] >= _CLEAR for s in (ahead, behind)]
        straight = [c & (o <= np.radians(_STRAIGHT_DEG)) for o, c in zip(off, clear, strict=True)]
        along = [c & (o <= np.radians(_ALONG_DEG)) for o, c in zip(off, clear, strict=True)]
        good &= (along[0] & along[1]) | (straight[0] & ~clear[1]) | (straight[1] & ~clear[0])
        filled[np.flatnonzero(open_)[good]] = True
    mended = known.copy()
    mended[rows[filled], cols[filled]] = True
    return np.where(hidden, ndimage.median_filter(mended, 3), mended)


class _Seen(NamedTuple):
    """What is first seen of the map from each place: where, how far away, and whether it is
    road.
    """

    row: NDArray[np.intp]
    col: NDArray[np.intp]
    distance_px: NDArray[np.float64]
    road: Mask


def _look(
    known: Mask, hidden: Mask, places: tuple[NDArray[np.intp], ...], look: float, reach_px: int
) -> _Seen:
    """From places (rows, cols) in a direction (radians, from +x to −y) until something that is not
    hidden.
    """
    height, width = known.shape
    row, col = (place.copy() for place in places)
    distance = np.full(len(row), np.inf)
    pending = np.arange(len(row))
    for step in range(1, reach_px + 1):
        r = places[0][pending] - round(step * np.sin(look))
        c = places[1][pending] + round(step * np.cos(look))
        inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
        pending, r, c = pending[inside], r[inside], c[inside]
        seen = ~hidden[r, c]
        at = pending[seen]
        row[at], col[at], distance[at] = r[seen], c[seen], step
        pending = pending[~seen]
        if not len(pending):
            break
    return _Seen(row, col, distance, known[row, col] & np.isfinite(distance))


def _measure_direction(road: Mask, hidden: Mask) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(direction of the roads around each pixel in radians as in `_look`, coherence 0–1), edges of
    labels left out.
    """
    smooth = ndimage.gaussian_filter(road.astype(np.float32), 1.0)
    sound = ~ndimage.binary_dilation(hidden, np.ones((3, 3), bool), iterations=3)
    down, right = ndimage.sobel(smooth, 0) * sound, ndimage.sobel(smooth, 1) * sound
    xx, yy, xy = (
        ndimage.gaussian_filter(p, _TENSOR_PX) for p in (right * right, down * down, -right * down)
    )
    gradient = 0.5 * np.arctan2(2 * xy, xx - yy)
    coherence = np.hypot(xx - yy, 2 * xy) / np.maximum(xx + yy, 1e-9)
    return gradient + np.float32(np.pi / 2), np.where(xx + yy > 1e-4, coherence, 0)


class Tip(NamedTuple):
    """A dead end: (row, col), the unit vector in which it points, half the width, and the piece it
    belongs to.
    """

    at: NDArray[np.float64]
    outward: NDArray[np.float64]
    radius_px: float
    piece: int


def join_dashes(road: Mask, *, gap_px: float) -> Mask:
    """The mask with its dead ends joined that face each other over at most gap_px, the closest
    first.
    """
    if gap_px <= 0:
        return road
    tips = find_tips(road, gap_px)
    if len(tips) < 2:
        return road
    at, outward = np.array([t.at for t in tips]), np.array([t.outward for t in tips])
    radius = np.array([t.radius_px for t in tips])
    pairs = cKDTree(at).query_pairs(gap_px + 2 * float(radius.max()), output_type="ndarray")
    across = at[pairs[:, 1]] - at[pairs[:, 0]]
    length = np.hypot(*across.T)
    across = across / np.maximum(length, 1e-9)[:, None]
    facing = np.minimum(
        (outward[pairs[:, 0]] * across).sum(axis=1), -(outward[pairs[:, 1]] * across).sum(axis=1)
    )
    wide = radius[pairs].max(axis=1) <= 2 * radius[pairs].min(axis=1) + 1
    good = np.flatnonzero((facing >= np.cos(np.radians(_FACING_DEG))) & (length <= gap_px) & wide)
    used, bars = np.zeros(len(tips), bool), []
    for number in good[np.argsort(length[good], kind="stable")]:
        i, j = pairs[number]
        same = tips[i].piece == tips[j].piece and tips[i].piece >= 0
        if not (used[i] or used[j] or same):
            used[i] = used[j] = True
            bars.append(_draw_bar(tips[i], tips[j]))
    return (
        road
        if not bars
        else road | rasterize(bars, out_shape=road.shape, dtype="uint8").astype(bool)
    )


def find_tips(road: Mask, gap_px: float) -> list[Tip]:
    """Dead ends of roads from the skeleton, and both ends of short pieces from their longest
    axis.
    """
    pieces, _ = ndimage.label(road, np.ones((3, 3), bool))
    boxes = ndimage.find_objects(pieces)
    tips, long = [], road.copy()
    for number, box in enumerate(boxes, start=1):
        if max(box[0].stop - box[0].start, box[1].stop - box[1].start) <= 3 * gap_px:
            inside = pieces[box] == number
            tips += _find_ends(inside, (box[0].start, box[1].start), number)
            long[box] &= ~inside
    if not long.any():
        return tips
    inside_px, graph = measure_inside(long), build_graph(long)
    for node in graph.at:
        if graph.degree(node) == 1:
            path = graph.arm_path(graph.arms[node][0])[: max(round(1.5 * gap_px), 8)]
            radius = max(sample_radius(inside_px, path[len(path) // 2]), 0.75)
            back = graph.at[node] - path[-1]
            length = float(np.hypot(*back))
            if length > 2 * radius:
                tips.append(
                    Tip(graph.at[node] + back / length * radius * 0.5, back / length, radius, -1)
                )
    return tips


def _find_ends(piece: Mask, corner: tuple[int, int], number: int) -> list[Tip]:
    """The two ends of an elongated piece; none for a round one, which is no dash."""
    places = np.argwhere(piece).astype(float)
    if len(places) < 4:
        return []
    centre = places.mean(axis=0)
    variance, axes = np.linalg.eigh(np.cov(places.T))
    if variance[1] < 2.5 * max(variance[0], 1 / 12):
        return []
    axis, radius = axes[:, 1], max(1.73 * np.sqrt(max(variance[0], 1 / 12)), 0.75)
    half = np.abs((places - centre) @ axis).max()
    middle = centre + np.array(corner)
    return [
        Tip(middle + sign * half * axis, sign * axis, float(radius), number) for sign in (1, -1)
    ]


def _draw_bar(first: Tip, last: Tip) -> shapely.Polygon:
    """The road between two tips as a polygon in (col, row), reaching a little into both."""
    start, end = first.at - first.outward * 1.5, last.at - last.outward * 1.5
    line = shapely.LineString([start[::-1] + 0.5, end[::-1] + 0.5])
    return line.buffer((first.radius_px + last.radius_px) / 2, cap_style="flat")
