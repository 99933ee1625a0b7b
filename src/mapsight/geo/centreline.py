"""Pixel paths → smooth centre lines: centred to less than a pixel, straight into junctions and out
at dead ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from mapsight.geo.skeleton import LineGraph

FIT_PX = 10.0  # at least so much of an arm tells where it is heading
_SHORTEST_FIT = 3  # points
_CORNER_BACK_PX, _FLAT_SHARE = (
    0.25,
    0.85,
)  # where a cap's corners are looked for; how full they are if it is flat


def smooth_paths(
    paths: Sequence[np.ndarray], sigma_px: float, *, rings: np.ndarray
) -> list[np.ndarray]:
    """Paths (n, 2) at steps of about a pixel, run through a Gaussian along the line.

    The ends stay where they are and keep their direction (the line is mirrored through them); rings
    (bool, one a path) are smoothed all around.
    """
    if not paths:
        return []
    points, sizes = _resample(paths)
    pad = int(np.ceil(4 * sigma_px))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    line = np.repeat(np.arange(sizes.size), sizes + 2 * pad)
    padded_starts = np.concatenate([[0], np.cumsum(sizes + 2 * pad)[:-1]])
    step = np.arange(line.size) - padded_starts[line] - pad  # −pad … n − 1 + pad
    last = sizes[line] - 1
    before, after = step < 0, step > last
    mirrored = np.where(
        before, np.minimum(-step, last), np.where(after, np.maximum(2 * last - step, 0), step)
    )
    source = starts[line] + np.where(rings[line], step % np.maximum(last, 1), mirrored)
    padded = points[source]
    for outside, end in (
        (before & ~rings[line], starts[line]),
        (after & ~rings[line], starts[line] + last),
    ):
        padded[outside] = 2 * points[end[outside]] - padded[outside]
    smooth = ndimage.gaussian_filter1d(padded, sigma_px, axis=0, truncate=4.0)[~(before | after)]
    ends = np.concatenate([starts, starts + sizes - 1])[~np.tile(rings, 2)]
    smooth[ends] = points[ends]
    smooth[(starts + sizes - 1)[rings]] = smooth[starts[rings]]
    return np.split(smooth, starts[1:])


def measure_width(path: np.ndarray, mask: np.ndarray, inside: np.ndarray) -> float:
    """A road's width in pixels: the median, over the middle half of its path, of the mask's extent
    across it.

    Distances to the nearest pixel outside would do for roads along the grid; slanting ones they see
    too narrow.
    """
    quarter = len(path) // 4
    normal = _find_normals(path)[quarter : len(path) - quarter : 2]
    path = path[quarter : len(path) - quarter : 2]
    rows, cols = np.clip(np.rint(path).astype(int), 0, np.array(mask.shape) - 1).T
    step = 0.25
    aside = (
        np.arange(0.5, 8 + 6 * np.median(inside[rows, cols])) * step
    )  # half as far again as it should need
    width = np.zeros(len(path))
    for side in (-1, 1):
        across = path[:, None] + side * aside[:, None] * normal[:, None]  # (n, steps, 2)
        on_road = (
            ndimage.map_coordinates(mask, across.T, np.float32, order=1, mode="nearest").T >= 0.5
        )
        width += step * np.where(on_road.all(axis=1), aside.size, np.argmin(on_road, axis=1))
    return max(float(np.median(width)), 1.0)


def centre_path(path: np.ndarray, inside: np.ndarray, sigma_px: float, *, ring: bool) -> np.ndarray:
    """The path moved into the middle of its road; its ends stay, unless it is a ring.

    Across a road of even width the distance to its edge is a tent h − |s − c|: its values l and r
    one pixel to the left and right of the path give the middle, c = (r − l)/2.
    """
    normal = _find_normals(path)
    left, right = (
        ndimage.map_coordinates(inside, (path + side * normal).T, order=1, mode="nearest")
        for side in (-1, 1)
    )
    offset = np.clip((right - left) / 2, -1, 1)[:, None] * normal
    offset = ndimage.gaussian_filter1d(offset, sigma_px, axis=0, mode="wrap" if ring else "nearest")
    if not ring:
        offset[[0, -1]] = 0
    path = path + offset
    if ring:
        path[-1] = path[0]
    return path


def centre_paths(graph: LineGraph, inside: np.ndarray, sigma_px: float) -> None:
    """Smooths all paths of the graph and moves them into the middle of their roads."""
    edges = list(graph.paths)
    rings = np.array([is_ring(graph, edge) for edge in edges], dtype=bool)
    smooth = smooth_paths([graph.paths[edge] for edge in edges], sigma_px, rings=rings)
    for edge, ring, path in zip(edges, rings, smooth, strict=True):
        graph.paths[edge] = centre_path(path, inside, sigma_px, ring=ring)
        if ring:
            graph.at[graph.ends[edge][0]] = graph.paths[edge][0]


def is_ring(graph: LineGraph, edge: int) -> bool:
    """Whether the edge closes on itself without a junction."""
    u, v = graph.ends[edge]
    return u == v and graph.degree(u) == 2


def fit_line(part: np.ndarray) -> tuple[np.ndarray, np.ndarray, float] | None:
    """The straight line along a piece of path: a place on it, its unit direction, and how far it
    may be trusted (1 when the piece is straight, towards 0 when curved); None when it is too short
    to tell.
    """
    if len(part) < _SHORTEST_FIT:
        return None
    half = (len(part) + 1) // 2
    chord = part[-half:].mean(axis=0) - part[:half].mean(axis=0)
    length = np.hypot(*chord)
    if length < 1e-6:
        return None
    place, direction = part.mean(axis=0), chord / length
    bend = np.abs((part - place) @ (-direction[1], direction[0])).max()
    return place, direction, 1 / (1 + (5 * bend) ** 4)


def extend_ends(graph: LineGraph, mask: np.ndarray, inside: np.ndarray) -> None:
    """Leads dead ends straight on to where the road ends: thinning eats half a width and bends into
    a corner.
    """
    for node in [node for node in graph.at if graph.degree(node) == 1]:
        arm = graph.arms[node][0]
        path = graph.arm_path(arm)
        start, radius = _find_sound_start(path, inside)
        fit = fit_line(path[start : start + int(max(2 * radius, FIT_PX))])
        if fit is None:
            continue
        length = _measure_cap(path[start], -fit[1], mask, radius)
        if length > 0:
            graph.at[node] = path[start] - length * fit[1]
            graph.set_arm_path(arm, np.concatenate([graph.at[node][None], path[start:]]))


def _find_sound_start(path: np.ndarray, inside: np.ndarray) -> tuple[int, float]:
    """Where, in its first half, the path of a dead end has left the road's cap, and the road's
    radius there.

    Before that its skeleton may bend into a corner of the cap (where the radius falls short of the
    road's) or, where the road leaves the image, into the wedge between road and edge (where the
    radius reaches out of the image).
    """
    last = np.array(inside.shape) - 1
    cells = np.clip(np.rint(path).astype(int), 0, last)
    radius = inside[cells[:, 0], cells[:, 1]]
    usual = float(np.median(radius))
    half = max(len(path) // 2, 1)
    near = slice(0, min(half, int(2 * usual) + 1))
    within = radius[:half] <= np.minimum(cells, last - cells)[:half].min(axis=1) + 1
    start = max(int(np.argmax(radius[near] >= usual - 1)), int(np.argmax(within)))
    away = np.hypot(*(path[:half] - path[0]).T) > sample_radius(inside, path[0])
    start = max(start, int(np.argmax(away)))
    return start, max(float(radius[start]), 1.0)


def _measure_cap(base: np.ndarray, outward: np.ndarray, mask: np.ndarray, radius: float) -> float:
    """How far a road goes on from `base`: to the mask's edge if it ends flat or leaves the image,
    else, at a round cap, half a width less (a line burnt with round caps ends at its cap's
    centre).
    """
    ahead, across = np.arange(0, 3 * radius + 2, 0.5), outward[::-1] * (1, -1)
    on_road, on_image = _look_up(mask, base + ahead[:, None] * outward)
    stop = int(np.argmin(on_road)) if not on_road.all() else len(ahead)
    length = 0.5 * max(stop - 1, 0)
    if not on_image[min(stop, len(ahead) - 1)]:
        return length
    half_width = max(radius - 0.5, 0.5)
    back, aside = np.meshgrid(
        _CORNER_BACK_PX + np.linspace(0, 0.4, 5) * half_width,
        np.linspace(0.55, 0.9, 5) * half_width,
    )
    corners = [
        length * outward - back[..., None] * outward + side * aside[..., None] * across
        for side in (-1, 1)
    ]
    filled = _look_up(mask, base + np.reshape(corners, (-1, 2)))[0].mean()
    return length if filled > _FLAT_SHARE else length - half_width


def sample_radius(inside: np.ndarray, place: np.ndarray) -> float:
    """Largest distance to the road's edge within a pixel of the place, in pixels."""
    row, col = (round(float(x)) for x in place)
    return float(inside[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2].max(initial=0))


def _resample(paths: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All paths end to end at even steps of at most a pixel (m, 2), and how many points each has
    (at least 2).
    """
    counts = np.array([len(path) for path in paths])
    points = np.concatenate(paths)
    firsts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    step = np.hypot(*np.diff(points, axis=0, prepend=points[:1]).T)
    step[firsts] = 1.0  # a gap between the lines on one long ruler
    ruler = np.cumsum(step)
    lengths = ruler[firsts + counts - 1] - ruler[firsts]
    sizes = np.maximum(np.ceil(lengths).astype(int), 1) + 1
    line = np.repeat(np.arange(sizes.size), sizes)
    rank = np.arange(line.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wanted = ruler[firsts][line] + lengths[line] * rank / (sizes[line] - 1)
    even = np.stack([np.interp(wanted, ruler, axis) for axis in points.T], axis=1)
    even[np.cumsum(sizes) - 1] = points[
        firsts + counts - 1
    ]  # to the last bit: lines must share their ends
    return even, sizes


def _find_normals(path: np.ndarray) -> np.ndarray:
    tangent = np.gradient(path, axis=0)
    normals: np.ndarray = (
        tangent[:, ::-1] * (1.0, -1.0) / np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    )
    return normals


def _look_up(mask: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each place (n, 2): whether it is on a road, whether it is on the image."""
    cells = np.rint(places).astype(int)
    on_image = ((cells >= 0) & (cells < mask.shape)).all(axis=1)
    cells = np.clip(cells, 0, np.array(mask.shape) - 1)
    return on_image & mask[cells[:, 0], cells[:, 1]], on_image
